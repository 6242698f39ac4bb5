from parts import Resistor

model M
  part r : Resistor(resistance = 5)
  part s : Resistor(r = 5)
end
