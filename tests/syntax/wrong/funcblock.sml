function f(x)
  y = x^2
end
model M
  var x start 1
equations
  der(x) = -f(x)
end
