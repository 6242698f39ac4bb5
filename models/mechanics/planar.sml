# Points, rods and guides in a plane: mechanisms from components. The potential is the position of a joint, the flow the
# force into the part, so that connected points coincide and forces balance. Positions are tied to one another: such
# models are of index three, and the compiler reduces them.
# checked value: the pendulum and the slider-crank beside this file, and the closed forms of tests/models/test_mechanics.py.

connector Joint "a point of the plane"
  potential x [m] "to the right"
  potential y [m] "upward"
  flow      fx [N] "force into the part"
  flow      fy [N]
end

model Fixed "a point of the housing"
  port joint : Joint
  param x = 0 [m]
  param y = 0 [m]
equations
  joint.x = x
  joint.y = y
end

model PointMass "a mass under gravity; PointMass(x start 1, y guess -1) says where it begins"
  port joint : Joint
  param m = 1 [kg] in 1e-3..1e3
  param g = 9.81 [m/s^2] in 0..20
  var x [m] start 0    "position"
  var y [m] start 0
  var vx [m/s] start 0 "speed"
  var vy [m/s] start 0
equations
  joint.x = x
  joint.y = y
  der(x) = vx
  der(y) = vy
  m*der(vx) = joint.fx
  m*der(vy) = joint.fy - m*g
end

model Rod "a rigid rod without mass between two joints"
  port a : Joint
  port b : Joint
  param L = 1 [m] in 1e-3..1e3 "length"
  var tension [N]              "negative where it is pressed"
equations
  (b.x - a.x)^2 + (b.y - a.y)^2 = L^2
  b.fx = tension*(b.x - a.x)/L
  b.fy = tension*(b.y - a.y)/L
  a.fx + b.fx = 0
  a.fy + b.fy = 0
end

model Spring "a spring and a damper in line between two joints"
  port a : Joint
  port b : Joint
  param c = 100 [N/m] in 1e-3..1e6     "stiffness"
  param d = 0 [N*s/m] in 0..1e3        "damping"
  param L0 = 1 [m] in 0..1e3           "length without force"
  var length [m]
  var rate [m/s]
  var tension [N]
equations
  length = sqrt((b.x - a.x)^2 + (b.y - a.y)^2)
  rate = der(length)
  tension = c*(length - L0) + d*rate
  b.fx = tension*(b.x - a.x)/length
  b.fy = tension*(b.y - a.y)/length
  a.fx + b.fx = 0
  a.fy + b.fy = 0
end

model Guide "holds a joint on the horizontal line at height y, without friction"
  port joint : Joint
  param y = 0 [m]
equations
  joint.y = y
  joint.fx = 0
end

model Push "a constant force on a joint"
  port joint : Joint
  param fx = 0 [N]
  param fy = 0 [N]
equations
  joint.fx = -fx
  joint.fy = -fy
end
