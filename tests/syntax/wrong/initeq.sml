model M
  var x
equations
  der(x) = -x
initial equations
  x = 1
end
