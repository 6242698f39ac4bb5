model M
  param k = 1, q = 2
  var x, y
equations
  der(x) = -k*x
  y = q
end
