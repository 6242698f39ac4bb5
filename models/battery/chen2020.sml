# The LG M50 cell at 298.15 K, charged.
# source: C.-H. Chen et al., J. Electrochem. Soc. 167 (2020) 080534; its electrolyte: A. Nyman et al., Electrochim. Acta 53
#   (2008) 6356.
# checked value: used by battery.spm, battery.spme and battery.dfn, whose voltages are those of PyBaMM with its own.

from battery.parameters import CellData

# Lithium as a part of what an electrode can hold → its potential.
function U_n(x) = 1.9793*exp(-39.3631*x) + 0.2482 - 0.0909*tanh(29.8538*(x - 0.1234)) -
  0.04478*tanh(14.9159*(x - 0.2769)) - 0.0205*tanh(30.4444*(x - 0.6103))
function U_p(x) = -0.8090*x + 4.4875 - 0.0428*tanh(18.5138*(x - 0.5542)) - 17.7326*tanh(15.7890*(x - 0.3117)) +
  17.5842*tanh(15.9308*(x - 0.3120))

# LiPF6 in EC:EMC.
function molar(c) = c/(1000 [mol/m^3])
function D_e(c) = 1e-10 [m^2/s]*(0.8794*molar(c)^2 - 3.972*molar(c) + 4.862)
function kappa_e(c) = 1 [S/m]*(0.1297*molar(c)^3 - 2.51*molar(c)^1.5 + 3.329*molar(c))

model Chen2020 extends CellData(area = 0.1027, capacity = 5, V_min = 2.5, V_max = 4.2,
  neg.L = 85.2e-6, neg.porosity = 0.25, neg.active = 0.75, neg.bruggeman_solid = 0, neg.sigma = 215, neg.R = 5.86e-6,
  neg.D = 3.3e-14, neg.c_max = 33133, neg.c0 = 29866, neg.m = 6.48e-7 [A/m^2]*sqrt(1000)*33133, neg.U = U_n,
  sep.L = 12e-6, sep.porosity = 0.47,
  pos.L = 75.6e-6, pos.porosity = 0.335, pos.active = 0.665, pos.bruggeman_solid = 0, pos.sigma = 0.18, pos.R = 5.22e-6,
  pos.D = 4e-15, pos.c_max = 63104, pos.c0 = 17038, pos.m = 3.42e-6 [A/m^2]*sqrt(1000)*63104, pos.U = U_p,
  electrolyte.t_plus = 0.2594, electrolyte.D = D_e, electrolyte.kappa = kappa_e) "LG M50, NMC 811 and graphite with SiOx"
end
