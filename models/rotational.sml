# Rotation about one axis. A torque is positive into a part. Parts between two flanges: `a` is driven, `b` drives.
# Inertias that are tied rigidly together (or through a Gear) share one angle: put a Spring or SpringDamper between them,
# or add their inertias up, where the compiler says that it cannot lower the index.
# checked value: the closed form of every part's response, tests/models/test_library.py.

connector Flange "end of a shaft"
  potential phi [rad] "angle"
  flow      tau [N*m] "torque into the part"
end

partial model Compliant "a part that twists and has no inertia"
  port a : Flange
  port b : Flange
  var twist [rad] guess 0 "angle of b ahead of a"
  var tau [N*m] guess 0   "torque that pulls b back to a"
equations
  twist = b.phi - a.phi
  b.tau = tau
  a.tau = -tau
end

model Fixed "the housing"
  port flange : Flange
  param phi0 = 0 [rad] "angle at which it is fixed"
equations
  flange.phi = phi0
end

model Inertia "a rigid shaft; set its state with Inertia(phi start 1, w start 2)"
  port a : Flange
  port b : Flange
  param J = 1 [kg*m^2] in 1e-4..1e3 "moment of inertia"
  var phi [rad] start 0   "angle"
  var w [rad/s] start 0   "speed"
equations
  a.phi = phi
  b.phi = phi
  der(phi) = w
  J*der(w) = a.tau + b.tau
end

model Spring extends Compliant "tau = c*(twist - twist0)"
  param c = 100 [N*m/rad] in 1..1e6 "stiffness"
  param twist0 = 0 [rad]            "twist without torque"
equations
  tau = c*(twist - twist0)
end

model Damper extends Compliant "tau = d*der(twist)"
  param d = 1 [N*m*s/rad] in 1e-3..1e3 "damping"
equations
  tau = d*der(twist)
end

model SpringDamper extends Compliant "spring and damper side by side"
  param c = 100 [N*m/rad] in 1..1e6    "stiffness"
  param d = 1 [N*m*s/rad] in 1e-3..1e3 "damping"
equations
  tau = c*twist + d*der(twist)
end

model Friction extends Compliant "Coulomb friction, smooth around standstill, and viscous friction"
  param tau_c = 0.1 [N*m] in 0..100        "Coulomb torque"
  param d = 0.01 [N*m*s/rad] in 0..10      "viscous damping"
  param w_small = 0.01 [rad/s] in 1e-4..1  "speed over which the direction turns"
equations
  tau = tau_c*tanh(der(twist)/w_small) + d*der(twist)
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

model Gear "ideal gear: a turns `ratio` times as fast as b"
  port a : Flange
  port b : Flange
  param ratio = 1 in 0.1..100
equations
  a.phi = ratio*b.phi
  ratio*a.tau + b.tau = 0
end

model SpeedSensor "angle and speed without drawing a torque"
  port flange : Flange
  var phi [rad] "angle"
  var w [rad/s] "speed"
equations
  phi = flange.phi
  w = der(phi)
  flange.tau = 0
end
