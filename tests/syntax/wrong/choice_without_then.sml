model M
  var x start 0
equations
  der(x) = if x < 1 1 else 2
end
