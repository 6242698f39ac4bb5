model M
  table f = {(0, 1), (1, 2)}
  var x start 1
equations
  der(x) = -f(x, 2) - f()
end
