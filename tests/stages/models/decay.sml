model Decay
  param k = 2 [1/s]
  var x start 1
equations
  der(x) = -k*x
end
