# A motor and a load on two shafts, and a clutch between them: it slips until both turn alike, locks, and is torn loose when
# the motor pulls too hard.
# checked value: closed form. 20 - 10 t = 5 t at 4/3 s; then the load takes two thirds of the motor's torque, 10 N m at 2.5 s.

from rotational import Clutch, Inertia, PrescribedTorque

model ClutchedDrive "two inertias and a clutch"
  param ramp = 30 [N*m/s] in 20..40 "the motor's torque, from 2 s on"
  part motor : PrescribedTorque
  part shaft : Inertia(J = 1, w start 20)
  part clutch : Clutch(tau_c = 10)
  part load : Inertia(J = 2)
equations
  motor.tau = if time < 2 then 0 else ramp*(time - 2 [s])
  connect motor.flange, shaft.a
  connect shaft.b, clutch.a
  connect clutch.b, load.a
experiment
  time 0..4
end

test "it locks at 4/3 s with 20/3 rad/s, and slips again from 2.5 s on"
  simulate time 0..4, rtol 1e-8
  expect clutch.locked at 1.333 = 0
  expect clutch.locked at 1.334 = 1
  expect load.w at 2 = 6.666666666666667 [rad/s] within 1e-9
  expect clutch.locked at 2.499 = 1
  expect clutch.locked at 2.501 = 0
  expect load.w at 4 = 15.416666666666667 [rad/s] within 1e-7
  expect shaft.w at 4 = 49.166666666666667 [rad/s] within 1e-7
end
