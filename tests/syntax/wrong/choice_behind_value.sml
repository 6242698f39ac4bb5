model M
  var x start 1
equations
  der(x) = -x if x > 1 else x
  x = 2*x where x = 1
end
