connector Pin
  potential v [V]
  flow i [A]
end

model Resistor
  param R = 1 [ohm]
  port p : Pin
  port n : Pin
equations
  p.i + n.i = 0
  p.v - n.v = R*p.i
end

model Ground
  port p : Pin
equations
  p.v = 0
end

model Source
  port p : Pin
  port n : Pin
equations
  p.i + n.i = 0
  p.v - n.v = 5
end

model Divider "two resistors: a linear loop in closed form"
  part source : Source
  part upper : Resistor(R = 2)
  part lower : Resistor(R = 3)
  part ground : Ground
equations
  connect source.p, upper.p
  connect upper.n, lower.p
  connect lower.n, source.n, ground.p
end
