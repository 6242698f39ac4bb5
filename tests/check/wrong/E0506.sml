from parts import Resistor

model M
  param g = 5 [V]
  part r : Resistor(R = g)
  var T [degC] start 5 [min]
  input q [W] = 0 in 0..3 [K] 
equations
  der(T) = 0
end
