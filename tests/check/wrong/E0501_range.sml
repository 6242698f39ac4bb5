model A
  param k = 1 [0, 5]
  var x start 1
equations
  der(x) = -k*x
end
