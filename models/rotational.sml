# Rotation about one axis. The potential is the speed, so that a shaft on a spring has index one: angles are states of the
# springs (`twist`) and of the inertias (`phi`), each with a start of its own. A torque is positive into a part. Parts
# between two flanges turn a against b; `w_rel` is the speed of b ahead of a.
# Inertias may be tied rigidly together, also through gears (they share one speed), and springs put in a row (they share one
# torque).
# checked value: the closed form of every part's response, tests/models/test_library.py.

connector Flange "end of a shaft"
  potential w [rad/s] "speed"
  flow      tau [N*m] "torque into the part"
end

partial model Compliant "a part without inertia between two flanges"
  port a : Flange
  port b : Flange
  var w_rel [rad/s] "speed of b ahead of a"
  var tau [N*m]     "torque that holds b back"
equations
  w_rel = b.w - a.w
  b.tau = tau
  a.tau = -tau
end

model Fixed "the housing"
  port flange : Flange
equations
  flange.w = 0
end

model Inertia "a rigid shaft; set its state with Inertia(phi start 1, w start 2)"
  port a : Flange
  port b : Flange
  param J = 1 [kg*m^2] in 1e-4..1e3 "moment of inertia"
  var phi [rad] start 0   "angle"
  var w [rad/s] start 0   "speed"
equations
  a.w = w
  b.w = w
  der(phi) = w
  J*der(w) = a.tau + b.tau
end

model Spring extends Compliant "tau = c*twist"
  param c = 100 [N*m/rad] in 1..1e6 "stiffness"
  var twist [rad] start 0           "angle of b ahead of a, from the position without torque"
equations
  der(twist) = w_rel
  tau = c*twist
end

model Damper extends Compliant "tau = d*w_rel"
  param d = 1 [N*m*s/rad] in 1e-3..1e3 "damping"
equations
  tau = d*w_rel
end

model SpringDamper extends Compliant "spring and damper side by side"
  param c = 100 [N*m/rad] in 1..1e6    "stiffness"
  param d = 1 [N*m*s/rad] in 1e-3..1e3 "damping"
  var twist [rad] start 0              "angle of b ahead of a, from the position without torque"
equations
  der(twist) = w_rel
  tau = c*twist + d*w_rel
end

model Friction extends Compliant "Coulomb friction, smooth around standstill, and viscous friction"
  param tau_c = 0.1 [N*m] in 0..100        "Coulomb torque"
  param d = 0.01 [N*m*s/rad] in 0..10      "viscous damping"
  param w_small = 0.01 [rad/s] in 1e-4..1  "speed over which the direction turns"
equations
  tau = tau_c*tanh(w_rel/w_small) + d*w_rel
end

model Clutch extends Compliant "Coulomb friction: it slips, or locks and carries what it holds"
  param tau_c = 10 [N*m] in 0.1..1e3 "torque while it slips, fully engaged"
  param peak = 1 in 1..2             "it holds so many times that torque"
  input engaged = 1                  "0 is open, 1 is pressed with full force"
  discrete locked = false
  discrete direction = 1             "1: b slips ahead of a, -1: behind"
equations
  if locked then
    der(w_rel) = 0
  else
    tau = direction*engaged*tau_c
  end
  when start
    locked := w_rel == 0
    direction := if w_rel < 0 then -1 else 1
  end
  when direction*w_rel <= 0 and direction*der(w_rel) < 0 and not locked
    locked := true
  elsewhen locked and abs(tau) > peak*engaged*tau_c
    locked := false
    direction := if tau > 0 then 1 else -1
  end
end
model Torque "a constant torque on the flange"
  port flange : Flange
  param tau = 1 [N*m] in 0..1e3
equations
  flange.tau = -tau
end

model TorqueStep "zero, then tau from the time `at` on"
  port flange : Flange
  param tau = 1 [N*m] in 0..1e3
  param at = 0 [s] "time of the step"
equations
  flange.tau = if time < at then 0 else -tau
end

model PrescribedTorque "a torque driven from outside"
  port flange : Flange
  input tau = 0 [N*m]
equations
  flange.tau = -tau
end

model PrescribedSpeed "a speed driven from outside"
  port flange : Flange
  input w = 0 [rad/s]
equations
  flange.w = w
end

model Gear "ideal gear: a turns `ratio` times as fast as b"
  port a : Flange
  port b : Flange
  param ratio = 1 in 0.1..100
equations
  a.w = ratio*b.w
  ratio*a.tau + b.tau = 0
end

model SpeedSensor "speed, and the angle since the start, without drawing a torque"
  port flange : Flange
  var w [rad/s]         "speed"
  var phi [rad] start 0 "angle"
equations
  w = flange.w
  der(phi) = w
  flange.tau = 0
end
