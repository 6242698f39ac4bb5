# Single particle model with electrolyte: as battery.spm, and salt that diffuses under the current of the cell.
# source: S. G. Marquis et al., J. Electrochem. Soc. 166 (2019) A3693; its cell: battery.chen2020, or another parameter set.
# checked value: PyBaMM 26.10 with its own parameters, `pybamm` set: 0.1 mV on its mesh at 1C. At 2C, and with sets whose layers
#   differ in porosity, 0.2 to 0.7 mV: the mean concentration that PyBaMM takes the conductivity at is not that of its layers.

from battery.chen2020 import Chen2020
from battery.electrolyte import Layer, SeparatorLayer
from battery.particle import F, R_gas, Particle, exchange_current, overpotential

model UniformLayer extends Layer "electrolyte of an electrode all of whose particles give alike"
  input i = 0 [A/m^2] "current that they give, by area of the layer"
  output log_c = sum(log(c/c0))/N "mean"
equations
  q = (i/L for k in 1..N)
end

model SPMe "single particle model with electrolyte"
  const N = 20 "cells of each layer"
  const pybamm = false "PyBaMM's mesh and rules at surfaces and between layers"
  input I = 5 [A] "of a discharge"
  part set : Chen2020
  part neg : Particle(R = set.neg.R, D = set.neg.D, c0 = set.neg.c0, c_max = set.neg.c_max, two_cells = pybamm,
    g = if pybamm then 1 else 0.9)
  part pos : Particle(R = set.pos.R, D = set.pos.D, c0 = set.pos.c0, c_max = set.pos.c_max, two_cells = pybamm,
    g = if pybamm then 1 else 0.9)
  part neg_e : UniformLayer(N = N, L = set.neg.L, porosity = set.neg.porosity, bruggeman = set.neg.bruggeman,
    c0 = set.electrolyte.c0, t_plus = set.electrolyte.t_plus)
  part sep_e : SeparatorLayer(N = N, L = set.sep.L, porosity = set.sep.porosity, bruggeman = set.sep.bruggeman,
    c0 = set.electrolyte.c0, t_plus = set.electrolyte.t_plus)
  part pos_e : UniformLayer(N = N, L = set.pos.L, porosity = set.pos.porosity, bruggeman = set.pos.bruggeman,
    c0 = set.electrolyte.c0, t_plus = set.electrolyte.t_plus)
  param sigma_n [S/m] = set.neg.sigma*(1 - set.neg.porosity)^set.neg.bruggeman_solid
  param sigma_p [S/m] = set.pos.sigma*(1 - set.pos.porosity)^set.pos.bruggeman_solid
  var i [A/m^2] "current density"
  var c_mean [mol/m^3] "of the salt over the thickness of the cell"
  var U [V] "open-circuit voltage"
  var eta [V] "what the reactions take"
  var eta_c [V] "what differences in concentration take"
  var eta_ohm [V] "what electrolyte and electrodes take"
  output V [V] = U + eta + eta_c + eta_ohm
equations
  i = I/set.area
  neg_e.i = i
  pos_e.i = -i
  neg.j = i/set.neg.L*set.neg.R/(3*set.neg.active)
  pos.j = -i/set.pos.L*set.pos.R/(3*set.pos.active)
  neg_e.D = set.electrolyte.D(neg_e.c)
  sep_e.D = set.electrolyte.D(sep_e.c)
  pos_e.D = set.electrolyte.D(pos_e.c)
  grad(neg_e.c) at 0 = 0
  connect neg_e.c at L, sep_e.c at 0
  connect sep_e.c at L, pos_e.c at 0
  grad(pos_e.c) at L = 0
  c_mean = (integral(neg_e.c) + integral(sep_e.c) + integral(pos_e.c))/(set.neg.L + set.sep.L + set.pos.L)
  U = set.pos.U(pos.x) - set.neg.U(neg.x)
  eta = sum(overpotential(pos.j, exchange_current(set.pos.m, pos_e.c[k]/pos_e.c0, pos.x), set.T) -
    overpotential(neg.j, exchange_current(set.neg.m, neg_e.c[k]/neg_e.c0, neg.x), set.T) for k in 1..N)/N
  eta_c = 2*(1 - set.electrolyte.t_plus)*R_gas*set.T/F*(pos_e.log_c - neg_e.log_c)
  eta_ohm = -i*((set.neg.L/(3*neg_e.s) + set.sep.L/sep_e.s + set.pos.L/(3*pos_e.s))/set.electrolyte.kappa(c_mean) +
    set.neg.L/(3*sigma_n) + set.pos.L/(3*sigma_p))
experiment
  time 0..3300
end

test "voltages of PyBaMM 26.10, on its mesh"
  set pybamm = true
  simulate time 0..1800, rtol 1e-6, atol 1e-6
  expect V at 60 = 3.942226 [V] within 0.0001 [V]
  expect V at 1800 = 3.511835 [V] within 0.0001 [V]
end
