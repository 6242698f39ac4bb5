model M
  var x start 1
  var y
equations
  der(x) = -sqr(x)
  y = x(2)
end
