from parts import Resistor

model M
  part r : Resistor(R = 5)
  part s : Resistor(R = 5)
equations
  connect r, s.p
  connect r.v, s.n
end
