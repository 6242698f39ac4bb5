model M
  var x start 1
equations
  der(x) = -k*x
  param k = 1
end
