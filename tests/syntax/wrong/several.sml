model M
  param k = 1;
  var x start 1
equations
  der(x) = -k*x**2
  y == 3
  z = (1 + 2
  w = 2
end
