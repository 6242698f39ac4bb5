# A mathematical pendulum in Cartesian coordinates, from components: a rod, a mass, a pivot. It swings through the lowest
# point, where x is no state to choose, and nearly up to the side, where y is none.
# source: the standard example of index three: Hairer and Wanner, Solving Ordinary Differential Equations II, VII.1.
# checked value: the same pendulum in its angle, phi'' = -g/L*sin(phi), by scipy (tests/models/reference.py).

from mechanics.planar import Fixed, PointMass, Rod

model Pendulum "a mass on a rod, released from the side"
  param L = 1 [m] in 0.5..2
  part pivot : Fixed
  part rod   : Rod(L = L)
  part bob   : PointMass(m = 2, x start L, y start 0)
  output energy [J] = bob.m*(bob.vx^2 + bob.vy^2)/2 + bob.m*bob.g*bob.y
equations
  connect pivot.joint, rod.a
  connect rod.b, bob.joint
experiment
  time 0..10, rtol 1e-8, atol 1e-8
end

test "end values by scipy"
  expect bob.x = 0.275087462576417 within 1e-6
  expect bob.y = -0.9614192050990392 within 1e-6
end
