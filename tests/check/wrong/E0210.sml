from parts import Resistor

model M
  part r : Resister(R = 5)
  part c : Flywheel
end
