table g = {(0, 1), (1, 2)}
model M
  table f = {(0, 1), (1, 2)}
  var x start 1
equations
  der(x) = -f*x - g
end
