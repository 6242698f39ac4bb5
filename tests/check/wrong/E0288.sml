model Wrong
  param L = 1 [m]
  param D = 1 [m^2/s]
  field c(x) over 0..L cells 20 start 1
equations
  der(c) = div(D*grad(c))
  c at 0.5 = 1
  grad(c) at L = 0
end
