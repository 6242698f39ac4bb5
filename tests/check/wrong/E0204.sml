model M
  var x start 1
  param k = 2
  var k
equations
  der(x) = -k*x
end
