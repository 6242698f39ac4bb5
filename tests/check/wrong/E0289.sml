model Wrong
  param R = 1 [m]
  param D = 1 [m^2/s]
  field c(r) over 0..R cells 20 spherical start 1
equations
  der(c) = div(D*grad(c))
  c at 0 = 1
  c at R = 2
  grad(c) at R = 0
end
