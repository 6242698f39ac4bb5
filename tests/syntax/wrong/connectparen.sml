from electrical import Resistor, Ground
model M
  part r : Resistor
  part g : Ground
equations
  connect(r.p, g.p)
end
