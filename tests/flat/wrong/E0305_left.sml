model M
  var x[3] start 1
  var y
equations
  der(x) = -x
  y = x
end
