from electrical import Resistor, Ground
model M
  part Resistor r(R = 10)
  Ground g
equations
  connect r.p, g.p
end
