from parts import Resistor

model M
  part r : Resistor(R start 5, p = 3)
end
