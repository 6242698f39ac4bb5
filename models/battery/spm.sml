# Single particle model: one sphere stands for each electrode, and the electrolyte is at rest.
# source: S. G. Marquis et al., J. Electrochem. Soc. 166 (2019) A3693; its cell: battery.chen2020, or another parameter set.
# checked value: at constant current the surface of a sphere follows a closed form (battery.particle), from which the voltages
#   below follow.

from battery.parameters import CellData
from battery.chen2020 import Chen2020
from battery.particle import Particle, exchange_current, overpotential

model SPM "single particle model"
  const pybamm = false "PyBaMM's mesh and rules at surfaces and between layers"
  input I = 5 [A] "of a discharge"
  part set : Chen2020
  part neg : Particle(R = set.neg.R, D = set.neg.D, c0 = set.neg.c0, c_max = set.neg.c_max, two_cells = pybamm,
    g = if pybamm then 1 else 0.9)
  part pos : Particle(R = set.pos.R, D = set.pos.D, c0 = set.pos.c0, c_max = set.pos.c_max, two_cells = pybamm,
    g = if pybamm then 1 else 0.9)
  output V [V] = set.pos.U(pos.x) - set.neg.U(neg.x) +
    overpotential(pos.j, exchange_current(set.pos.m, 1, pos.x), set.T) -
    overpotential(neg.j, exchange_current(set.neg.m, 1, neg.x), set.T)
equations
  neg.j = I/set.area/set.neg.L*set.neg.R/(3*set.neg.active)
  pos.j = -I/set.area/set.pos.L*set.pos.R/(3*set.pos.active)
experiment
  time 0..3000
end

test "voltages by the closed form"
  simulate time 0..3300, rtol 1e-7, atol 1e-5
  expect V at 60 = 3.990533 [V] within 0.0005 [V]
  expect V at 600 = 3.867462 [V] within 0.0005 [V]
  expect V at 1800 = 3.568219 [V] within 0.0005 [V]
  expect V at 3300 = 3.061230 [V] within 0.0005 [V]
end
