function drop(v, d, rho = 1000) = rho*v^2/d

model M
  var x start 1
equations
  der(x) = -drop(x, 1, rh = 2) - drop(x, 1, v = x)
end
