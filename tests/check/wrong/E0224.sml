model M
  param n = 3
  var y start 2
  param k = 2*y
  var T[n] start 0
  var x start time
equations
  der(x) = -k*x
  der(y) = -y
end
