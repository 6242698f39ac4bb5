from parts import Pin, Resistor

model M
  part p : Pin
  port r : Resistor
end
