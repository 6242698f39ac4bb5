connector Pin
  potential v [V]
  flow i [A]
end

connector HeatPort
  potential T [K]
  flow Q [W]
end

partial model TwoPin
  port p : Pin
  port n : Pin
  var v [V]
  var i [A]
equations
  v = p.v - n.v
  i = p.i
  p.i + n.i = 0
end

model Resistor extends TwoPin
  param R [ohm]
equations
  v = R*i
end

model Ground
  port p : Pin
equations
  p.v = 0
end

model Heater
  port port : HeatPort
equations
  port.Q = -100
end
