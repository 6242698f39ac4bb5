from parts import Resistor, Heater

model M
  part r : Resistor(R = 5)
  part h : Heater
equations
  connect r.p, h.port
end
