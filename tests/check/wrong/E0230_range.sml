model M
  var x start 1
equations
  der(x) = range(3)
end
