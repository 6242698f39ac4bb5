# A capacitor charged through a resistor.
# checked value: c.v(t) = V*(1 - exp(-(t - 0.1)/(R*C))) from t = 0.1 on, in closed form.

from electrical import Capacitor, Ground, Resistor, VoltageStep

model RC "a step of voltage on a resistor and a capacitor"
  part src : VoltageStep(V = 5, at = 0.1)
  part r   : Resistor(R = 1e3)
  part c   : Capacitor(C = 100e-6)
  part gnd : Ground
equations
  connect src.p, r.p
  connect r.n, c.p
  connect c.n, src.n, gnd.p
experiment
  time 0..0.5, rtol 1e-6, atol 1e-9
end

test "closed form"
  expect c.v = src.V*(1 - exp(-(0.5 - src.at)/(r.R*c.C))) within 1e-5
end
