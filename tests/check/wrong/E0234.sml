model M
  param k = 1
  var x start 1
  var y
equations
  der(x*y) = -k*x
  y = der(k)
end
