model Tank
  var level start 1
  param k = 0.1 [1/s]
equations
  der(level) = -k*levle
end
