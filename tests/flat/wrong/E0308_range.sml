model M
  param k = 3 in 0..5 min 1 max 10
  var x start 1
equations
  der(x) = -k*x
end
