model M
  var x[5] start 1
equations
  der(x[1..3]) = x[1..4]
end
