from parts import Resistor

model M
  part r : Resistor(R = 5)
  var x
equations
  x = r.p + 1
end
