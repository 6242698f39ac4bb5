model Heater
  var T start 1
equations
  der(T) = -T
end

model M
  const has_heater = 0
  part heater : Heater if has_heater
  var x start 1
equations
  der(x) = heater.T - x
end
