# A motor torque on a small inertia, an elastic shaft, a reduction gear, and a heavy load with friction in its bearing.
# checked value: both speeds at t = 5 s, from its four equations in NumPy, scipy Radau, rtol 1e-12 (tests/models/reference.py).

from rotational import Fixed, Friction, Gear, Inertia, SpringDamper, TorqueStep

model DriveTrain "motor, shaft, gear and load"
  part motor   : TorqueStep(tau = 2, at = 0.5)
  part rotor   : Inertia(J = 0.01)
  part shaft   : SpringDamper(c = 200, d = 0.5)
  part gear    : Gear(ratio = 5)
  part load    : Inertia(J = 2)
  part bearing : Friction(tau_c = 1, d = 0.8, w_small = 0.05)
  part housing : Fixed
equations
  connect motor.flange, rotor.a
  connect rotor.b, shaft.a
  connect shaft.b, gear.a
  connect gear.b, load.a
  connect load.b, bearing.b
  connect bearing.a, housing.flange
experiment
  time 0..5, rtol 1e-8, atol 1e-9
end

test "end values by scipy"
  expect rotor.phi = 126.93127390367012 within 1e-5
  expect rotor.w = 44.89880956401372 within 1e-5
  expect load.phi = 25.38429517645795 within 1e-5
  expect load.w = 8.979747549868222 within 1e-5
end
