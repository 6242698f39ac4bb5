model M
  param k = 1 in 5
  param j = 1 in [0, 2]
  var x start 1
equations
  der(x) = -k*x*j
end
