# Motion along a line. The potential is the velocity, so that a mass on a spring has index one: positions are states of the
# springs (`stretch`) and of the masses (`s`), each with a start of its own. A force is positive into a part. Parts between
# two flanges: b lies ahead of a, and `v_rel` is the velocity of b away from a.
# Masses may be tied rigidly together (they share one velocity), and springs put in a row (they share one force).
# checked value: the closed form of every part's response, tests/models/test_library.py.

connector Flange "end of a rod"
  potential v [m/s] "velocity"
  flow      f [N]   "force into the part"
end

partial model Compliant "a part without mass between two flanges"
  port a : Flange
  port b : Flange
  var v_rel [m/s] "velocity of b away from a"
  var f [N]       "force that holds b back"
equations
  v_rel = b.v - a.v
  b.f = f
  a.f = -f
end

model Fixed "the wall"
  port flange : Flange
equations
  flange.v = 0
end

model Mass "a rigid body; set its state with Mass(s start 1, v start 2)"
  port a : Flange
  port b : Flange
  param m = 1 [kg] in 1e-3..1e4 "mass"
  var s [m] start 0   "position"
  var v [m/s] start 0 "velocity"
equations
  a.v = v
  b.v = v
  der(s) = v
  m*der(v) = a.f + b.f
end

model StoppedMass "a rigid body between two stops: it bounces, and rests there while it is pushed against them"
  port a : Flange
  port b : Flange
  param m = 1 [kg] in 1e-3..1e4     "mass"
  param s_min = 0 [m]               "position of the lower stop"
  param s_max = 1 [m]               "position of the upper stop"
  param e = 0 in 0..0.95            "part of the speed that is left behind a bounce"
  param v_rest = 1e-3 [m/s] in 1e-6..0.1 "a bounce that leaves less than this ends at rest"
  var s [m] start 0                 "position"
  var v [m/s] start 0               "velocity"
  var f_stop [N]                    "force of the stop where it rests"
  discrete side = 0                 "-1 and 1: it rests at the lower, the upper stop"
equations
  a.v = v
  b.v = v
  der(s) = v
  m*der(v) = a.f + b.f + f_stop
  if side == 0 then
    f_stop = 0
  else
    der(v) = 0
  end
  when side == 0 and (s > s_max and v > 0 or s < s_min and v < 0)
    side := if e*abs(v) > v_rest then 0 else sign(v)
    v := if e*abs(v) > v_rest then -e*v else 0
  elsewhen side*f_stop > 0
    side := 0
  end
end
model Spring extends Compliant "f = c*stretch; set its state with Spring(stretch start 0.1)"
  param c = 100 [N/m] in 1..1e6 "stiffness"
  var stretch [m] start 0       "length of the spring above its length without force"
equations
  der(stretch) = v_rel
  f = c*stretch
end

model Damper extends Compliant "f = d*v_rel"
  param d = 1 [N*s/m] in 1e-3..1e3 "damping"
equations
  f = d*v_rel
end

model SpringDamper extends Compliant "spring and damper side by side"
  param c = 100 [N/m] in 1..1e6    "stiffness"
  param d = 1 [N*s/m] in 1e-3..1e3 "damping"
  var stretch [m] start 0          "length of the spring above its length without force"
equations
  der(stretch) = v_rel
  f = c*stretch + d*v_rel
end

model Friction extends Compliant "Coulomb friction, smooth around standstill, and viscous friction"
  param f_c = 1 [N] in 0..1e3              "Coulomb force"
  param d = 0.1 [N*s/m] in 0..100          "viscous damping"
  param v_small = 0.001 [m/s] in 1e-5..0.1 "velocity over which the direction turns"
equations
  f = f_c*tanh(v_rel/v_small) + d*v_rel
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

model PrescribedVelocity "a velocity driven from outside"
  port flange : Flange
  input v = 0 [m/s]
equations
  flange.v = v
end

model PositionSensor "velocity, and the way since the start, without drawing a force"
  port flange : Flange
  var v [m/s]       "velocity"
  var s [m] start 0 "position"
equations
  v = flange.v
  der(s) = v
  flange.f = 0
end
