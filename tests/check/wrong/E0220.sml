model Tank
  var level start 1
  param k = 0.1 [1/s]
equations
  der(level) = -k*levle
end

model Pump
  var flow start 0
equations
  der(flow) = 1
  pressure = 2*flow
end
