function total(a, b) = a + b

model M
  var T [K] start 1
  var v [V] start 1
  param k = 1 [1/s]
equations
  der(T) = -k*(T + v)
  der(v) = -k*total(v, T)
end
