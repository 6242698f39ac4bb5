model C
  var x start 1
  discrete n = 0
equations
  der(x) = -x
  n := 2
end
