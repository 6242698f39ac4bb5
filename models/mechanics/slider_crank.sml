# A slider-crank: a crank that turns about the origin, a connecting rod, a slider on a horizontal line; driven by gravity
# and by a constant force on the slider, through full turns. Index three, three constraints.
# source: the mechanism of Bauchau and Laulusa (2008), J. Comput. Nonlinear Dynam. 3, 011004, with its masses in points.
# checked value: Lagrange's equation in the one angle, by scipy (tests/models/reference.py).

from mechanics.planar import Fixed, Guide, PointMass, Push, Rod

model SliderCrank "crank, connecting rod and slider"
  param r = 0.3 [m] in 0.2..0.4 "crank"
  param L = 1 [m] in 0.8..1.2   "connecting rod"
  part pivot  : Fixed
  part crank  : Rod(L = r)
  part pin    : PointMass(m = 1, x start r, y start 0, vx start 0, vy start 3)
  part rod    : Rod(L = L)
  part slider : PointMass(m = 2, x start r + L)
  part guide  : Guide
  part push   : Push(fx = -1)
equations
  connect pivot.joint, crank.a
  connect crank.b, pin.joint, rod.a
  connect rod.b, slider.joint, guide.joint, push.joint
experiment
  time 0..5, rtol 1e-8, atol 1e-8
end

test "end values by scipy"
  expect pin.x = -0.014933098208958826 within 1e-4
  expect pin.y = 0.29962810712261556 within 1e-4
  expect slider.x = 0.9391229784564112 within 1e-4
end
