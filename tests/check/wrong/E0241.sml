from parts import Resistor

model M
  part r : Resistor(R = 5, R = 6)
end
