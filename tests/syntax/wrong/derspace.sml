model M "m"
  param k = 1 [1/s]
  var x start 1
equations
  der x = -k*x
end
