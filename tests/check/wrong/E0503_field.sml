model Wrong
  param L = 1 [m]
  param t = 1 [s]
  param D = 1 [m/s]
  field c(x) [mol/m^3] over 0..L cells 20 start 1
  field d(x) [mol/m^3] over t..L cells 20 start 1
equations
  der(c) = div(D*grad(c))
  grad(c) at 0 = 2 [mol/m^3]
  integral(c) = 2 [mol/m^3]
end
