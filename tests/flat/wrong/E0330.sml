model Wrong
  param L = 1 [m]
  param D = 1 [m^2/s]
  field c(x) over 0..L cells 20 start 1
  field b(r) over 0..L cells 20 spherical start 1
  field d(x) over 0..L cells 20 start 1
equations
  der(c) = div(D*grad(c))
  der(b) = div(D*grad(b))
  der(d) = -div(upwind(2, d))
  c at 0 = 1
end
