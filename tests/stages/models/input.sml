model Input
  input u = 2
  output y
  var x start 0
equations
  der(x) = u - x
  y = x + u
end
