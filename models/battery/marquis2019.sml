# The Kokam SLPB78205130H cell at 298.15 K, charged.
# source: S. G. Marquis et al., J. Electrochem. Soc. 166 (2019) A3693, after J. Newman's Dualfoil (1998); electrolyte: C. Capiglia
#   et al., J. Power Sources 81 (1999) 859. Figures as PyBaMM 26.10 has them.
# checked value: voltages of battery.spm and battery.dfn with it are those of PyBaMM with its own to 0.003 mV.

from battery.parameters import CellData

# Graphite MCMB 2528, and LiCoO2, whose stoichiometry is stretched by 1.062.
function U_n(x) = 0.194 + 1.5*exp(-120*x) + 0.0351*tanh((x - 0.286)/0.083) - 0.0045*tanh((x - 0.849)/0.119) -
  0.035*tanh((x - 0.9233)/0.05) - 0.0147*tanh((x - 0.5)/0.034) - 0.102*tanh((x - 0.194)/0.142) -
  0.022*tanh((x - 0.9)/0.0164) - 0.011*tanh((x - 0.124)/0.0226) + 0.0155*tanh((x - 0.105)/0.029)
function stretched(s) = 2.16216 + 0.07645*tanh(30.834 - 54.4806*s) + 2.1581*tanh(52.294 - 50.294*s) -
  0.14169*tanh(11.0923 - 19.8543*s) + 0.2051*tanh(1.4684 - 5.4888*s) + 0.2531*tanh((0.56478 - s)/0.1316) -
  0.02167*tanh((s - 0.525)/0.006)
function U_p(x) = stretched(1.062*x)

# LiPF6 in EC:DMC.
function molar(c) = c/(1000 [mol/m^3])
function D_e(c) = 5.34e-10 [m^2/s]*exp(-0.65*molar(c))
function kappa_e(c) = 1 [S/m]*(0.0911 + 1.9101*molar(c) - 1.052*molar(c)^2 + 0.1554*molar(c)^3)

model Marquis2019 extends CellData(area = 0.137*0.207, capacity = 0.680616, V_min = 3.105, V_max = 4.1,
  neg.L = 1e-4, neg.porosity = 0.3, neg.active = 0.6, neg.sigma = 100, neg.R = 1e-5, neg.D = 3.9e-14,
  neg.c_max = 24983.2619938437, neg.c0 = 19986.609595075, neg.m = 2e-5 [A/m^2]*sqrt(1000)*24983.2619938437, neg.U = U_n,
  sep.L = 2.5e-5, sep.porosity = 1,
  pos.L = 1e-4, pos.porosity = 0.3, pos.active = 0.5, pos.sigma = 10, pos.R = 1e-5, pos.D = 1e-13,
  pos.c_max = 51217.9257309275, pos.c0 = 30730.7554385565, pos.m = 6e-7 [A/m^2]*sqrt(1000)*51217.9257309275, pos.U = U_p,
  electrolyte.t_plus = 0.4, electrolyte.D = D_e, electrolyte.kappa = kappa_e) "Kokam pouch cell, LiCoO2 and graphite"
end
