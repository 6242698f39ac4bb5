function square(a) = a*a

model M
  var x start 1
equations
  der(x) = -square(x, 2) + atan2(x)
end
