# A rectifier of one ideal diode that charges a capacitor beside a load.
# checked value: closed form. The voltage follows the source until the current is zero, where tan(w t) = -w R C, and falls
#   with the time constant R C until the source is above it again.

from electrical import Capacitor, Ground, IdealDiode, Resistor, SineVoltage

model HalfWave "rectifier of one diode"
  part source : SineVoltage(V = 10, f = 50)
  part diode : IdealDiode(R_on = 1e-3, G_off = 1e-9)
  part load : Resistor(R = 100)
  part c : Capacitor(C = 100e-6)
  part ground : Ground
equations
  connect source.p, diode.p
  connect diode.n, load.p, c.p
  connect load.n, c.n, source.n, ground.p
experiment
  time 0..0.1
end

test "the voltage falls from where the diode blocks"
  simulate time 0..0.02, rtol 1e-7
  expect c.v at 0.018 = 2.864583852348886 [V] within 1e-5
end
