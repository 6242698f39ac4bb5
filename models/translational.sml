# Motion along a line. A force is positive into a part. Parts between two flanges: `b` lies ahead of `a`.
# Masses that are tied rigidly together share one position: put a Spring or SpringDamper between them, or add them up,
# where the compiler says that it cannot lower the index.
# checked value: the closed form of every part's response, tests/models/test_library.py.

connector Flange "end of a rod"
  potential s [m] "position"
  flow      f [N] "force into the part"
end

partial model Compliant "a part that stretches and has no mass"
  port a : Flange
  port b : Flange
  var stretch [m] guess 0 "position of b ahead of a"
  var f [N] guess 0       "force that pulls b back to a"
equations
  stretch = b.s - a.s
  b.f = f
  a.f = -f
end

model Fixed "the wall"
  port flange : Flange
  param s0 = 0 [m] "position at which it is fixed"
equations
  flange.s = s0
end

model Mass "a rigid body; set its state with Mass(s start 1, v start 2)"
  port a : Flange
  port b : Flange
  param m = 1 [kg] in 1e-3..1e4 "mass"
  var s [m] start 0   "position"
  var v [m/s] start 0 "velocity"
equations
  a.s = s
  b.s = s
  der(s) = v
  m*der(v) = a.f + b.f
end

model Spring extends Compliant "f = c*(stretch - length)"
  param c = 100 [N/m] in 1..1e6 "stiffness"
  param length = 0 [m]          "length without force"
equations
  f = c*(stretch - length)
end

model Damper extends Compliant "f = d*der(stretch)"
  param d = 1 [N*s/m] in 1e-3..1e3 "damping"
equations
  f = d*der(stretch)
end

model SpringDamper extends Compliant "spring and damper side by side"
  param c = 100 [N/m] in 1..1e6    "stiffness"
  param d = 1 [N*s/m] in 1e-3..1e3 "damping"
  param length = 0 [m]             "length without force"
equations
  f = c*(stretch - length) + d*der(stretch)
end

model Friction extends Compliant "Coulomb friction, smooth around standstill, and viscous friction"
  param f_c = 1 [N] in 0..1e3             "Coulomb force"
  param d = 0.1 [N*s/m] in 0..100         "viscous damping"
  param v_small = 0.001 [m/s] in 1e-5..0.1 "velocity over which the direction turns"
equations
  f = f_c*tanh(der(stretch)/v_small) + d*der(stretch)
end

model Force "a constant force on the flange"
  port flange : Flange
  param f = 1 [N] in 0..1e4
equations
  flange.f = -f
end

model ForceStep "zero, then f from the time `at` on"
  port flange : Flange
  param f = 1 [N] in 0..1e4
  param at = 0 [s] "time of the step"
equations
  flange.f = if time < at then 0 else -f
end

model PrescribedForce "a force driven from outside"
  port flange : Flange
  input f = 0 [N]
equations
  flange.f = -f
end

model PositionSensor "position and velocity without drawing a force"
  port flange : Flange
  var s [m]   "position"
  var v [m/s] "velocity"
equations
  s = flange.s
  v = der(s)
  flange.f = 0
end
