# A mass on a spring, with a damper beside it, released from 0.1 m.
# checked value: the closed form of the damped oscillator: s(t) = exp(-d*t)*(s0*cos(w*t) + d*s0/w*sin(w*t)),
#   d = damping/(2*m), w = sqrt(c/m - d^2).

from translational import Fixed, Mass, SpringDamper

model SpringMass "damped oscillation"
  part wall   : Fixed
  part spring : SpringDamper(c = 40, d = 0.8, stretch start 0.1)
  part mass   : Mass(m = 0.5, s start 0.1, v start 0)
equations
  connect wall.flange, spring.a
  connect spring.b, mass.a
experiment
  time 0..5, rtol 1e-8, atol 1e-10
end

test "closed form"
  expect mass.s = 0.1*exp(-4)*(cos(5*sqrt(79.36)) + 0.8/sqrt(79.36)*sin(5*sqrt(79.36))) within 1e-5
end
