model M
  var x start 1
equations
  der(x) = -max(x, b = 2)
end
