model Mixed
  param k = 2
  var A start 1
  var B start 0
  var T start 300
reactions
  A -> B @ k*exp(-1000/T)
equations
  der(T) = k*A - 0.1*(T - 300)
end
