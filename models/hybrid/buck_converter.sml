# A step-down converter: a switch that is closed for a part of each period, a diode, and a filter.
# checked value: the linear equations of either position by matrix exponentials, tests/models/reference.py.

from electrical import Capacitor, Ground, IdealDiode, IdealSwitch, Inductor, PulseWidth, Resistor, VoltageSource

model BuckConverter "from 24 V to 9.6 V"
  part source : VoltageSource(V = 24)
  part pulses : PulseWidth(period = 20e-6, duty = 0.4)
  part switch : IdealSwitch(R_on = 1e-4, G_off = 1e-9)
  part diode : IdealDiode(R_on = 1e-4, G_off = 1e-9)
  part l : Inductor(L = 100e-6)
  part c : Capacitor(C = 20e-6)
  part load : Resistor(R = 5)
  part ground : Ground
equations
  switch.closed = pulses.on
  connect source.p, switch.p
  connect switch.n, diode.n, l.p
  connect l.n, c.p, load.p
  connect source.n, diode.p, c.n, load.n, ground.p
experiment
  time 0..2e-3
end

test "current and voltage after a hundred periods"
  simulate time 0..2e-3, rtol 1e-6
  expect l.i at 2e-3 = 1.3415862896114081 [A] within 5e-5
  expect c.v at 2e-3 = 9.57801494211415 [V] within 5e-5
end
