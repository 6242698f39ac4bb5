function saturated(x, half) = x/(x + half)

model Function
  var x start 1
equations
  der(x) = -saturated(x, 0.5)
end
