model M
  var x[3] start 0
  var y[2] start 0
equations
  der(x) = -x
  der(y) = x
end
