# The pouch cell of the University of Michigan's Battery Laboratory at 298.15 K, discharged: it begins with a charge.
# source: P. Mohtat et al., J. Electrochem. Soc. 167 (2020) 110561. Figures as PyBaMM 26.10 has them.
# checked value: voltages of battery.spm and battery.dfn with it are those of PyBaMM with its own to 0.003 mV.

from battery.parameters import CellData

function U_n(x) = 0.063 + 0.8*exp(-75*(x + 0.001)) - 0.0120*tanh((x - 0.127)/0.016) - 0.0118*tanh((x - 0.155)/0.016) -
  0.0035*tanh((x - 0.220)/0.020) - 0.0095*tanh((x - 0.190)/0.013) - 0.0145*tanh((x - 0.490)/0.020) -
  0.0800*tanh((x - 1.030)/0.055)
function U_p(x) = 4.3452 - 1.6518*x + 1.6225*x^2 - 2.0843*x^3 + 3.5146*x^4 - 2.2166*x^5 -
  0.5623e-4*exp(109.451*x - 100.006)

function D_e(c) = 5.35e-10 [m^2/s]
function kappa_e(c) = 1.3 [S/m]

model Mohtat2020 extends CellData(area = 0.205, capacity = 5, V_min = 2.8, V_max = 4.2,
  neg.L = 62e-6, neg.porosity = 0.3, neg.active = 0.61, neg.sigma = 100, neg.R = 2.5e-6, neg.D = 5e-15, neg.c_max = 28746,
  neg.c0 = 48.8682, neg.m = 1.061e-6 [A/m^2]*sqrt(1000)*28746, neg.U = U_n,
  sep.L = 12e-6, sep.porosity = 0.4,
  pos.L = 67e-6, pos.porosity = 0.3, pos.active = 0.445, pos.sigma = 100, pos.R = 3.5e-6, pos.D = 8e-15, pos.c_max = 35380,
  pos.c0 = 31513, pos.m = 4.824e-6 [A/m^2]*sqrt(1000)*35380, pos.U = U_p,
  electrolyte.t_plus = 0.38, electrolyte.D = D_e, electrolyte.kappa = kappa_e) "pouch cell, NMC 532 and graphite"
end
