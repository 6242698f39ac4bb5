from electrical import Resistor, Ground
model M
  part r[3] : Resistor
  part g[2] : Ground
equations
  connect r.p, g.p
  connect r.n, g.p
end
