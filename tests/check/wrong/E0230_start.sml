model M
  var x start 1
equations
  der(x) = -x
  x(0) = 1
end
