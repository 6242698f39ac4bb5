model Hoisted "work that depends on parameters alone"
  param E = 5e4
  param T = 350
  param k0 = 1e6
  var c start 1
equations
  der(c) = -k0*exp(-E/(8.314*T))*c
end
