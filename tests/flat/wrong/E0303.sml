model M
  var x[3] start 0
equations
  der(x) = -x
  x[4] = 1
end
