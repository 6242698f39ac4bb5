# What simple tools refuse: capacitors in a loop with a source, and inductors whose currents meet in a node (a cut set).
# One voltage and one current are left to be states; the others follow.
# checked value: closed form. The loop: c1 and c2 share the voltage of the ramp by their capacities. The cut set: L1 in
#   series with L2 and L3 side by side is an inductance of L1 + L2*L3/(L2 + L3) behind R.

import electrical

model CapacitorLoop "a loop of capacitors, a cut set of inductors"
  part ramp : electrical.SineVoltage(V = 2, f = 0.5)
  part rs   : electrical.Resistor(R = 1)
  part c1   : electrical.Capacitor(C = 1)
  part c2   : electrical.Capacitor(C = 0.5)
  part c3   : electrical.Capacitor(C = 0.25)
  part dc   : electrical.VoltageSource(V = 10)
  part r    : electrical.Resistor(R = 2)
  part l1   : electrical.Inductor(L = 1)
  part l2   : electrical.Inductor(L = 2)
  part l3   : electrical.Inductor(L = 2)
  part gnd  : electrical.Ground
equations
  connect ramp.p, c1.p, c2.p
  connect c2.n, c3.p
  connect c1.n, c3.n, rs.p
  connect rs.n, ramp.n, gnd.p
  connect dc.p, r.p
  connect r.n, l1.p
  connect l1.n, l2.p, l3.p
  connect l2.n, l3.n, dc.n, gnd.p
experiment
  time 0..2, rtol 1e-8, atol 1e-10
end

test "closed form"
  expect c1.v = -0.41640515966992675 within 1e-6
  expect c2.v = -0.13880171988997558 within 1e-6
  expect c3.v = -0.27760343977995117 within 1e-6
  expect l1.i = 4.323323583816936 within 1e-6
  expect l2.i = 2.161661791908468 within 1e-6
end
