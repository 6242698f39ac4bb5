model M
  var x start 1
  var y
equations
  der(x) = -x
  y = x + 0
  y = x + 1
end
