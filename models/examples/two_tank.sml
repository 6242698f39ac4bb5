# A source fills the upper tank; it drains through a valve into the lower one, and that through another into the sewer.
# checked value: both levels at t = 600 s, from the two equations in NumPy, scipy Radau, rtol 1e-12 (tests/models/reference.py).

from fluid import Boundary, FlowSource, Tank, Valve

model TwoTank "two tanks in cascade"
  part feed   : FlowSource(q = 1.5e-3)
  part upper  : Tank(area = 0.5, level start 0.5)
  part middle : Valve(q_nominal = 2e-3, dp_nominal = 1e4)
  part lower  : Tank(area = 0.8, level start 0.2)
  part drain  : Valve(q_nominal = 2e-3, dp_nominal = 1e4)
  part sewer  : Boundary
equations
  connect feed.port, upper.inlet
  connect upper.outlet, middle.a
  connect middle.b, lower.inlet
  connect lower.outlet, drain.a
  connect drain.b, sewer.port
experiment
  time 0..600, rtol 1e-7, atol 1e-9
end

test "end values by scipy"
  expect upper.level = 0.5586612291241954 within 1e-5
  expect lower.level = 0.4318528085626176 within 1e-5
end
