from parts import Resistor, Ground

model M
  param k
  part r : Resistor
  part g : Ground
equations
  connect r.p, r.n, g.p
end
