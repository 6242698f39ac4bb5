# The LG M50 cell at 298.15 K, charged, with the open-circuit potential of its negative electrode as it was measured.
# source: S. E. J. O'Kane et al., Phys. Chem. Chem. Phys. 24 (2022) 7909, after battery.chen2020; lg_m50_graphite.csv holds the
#   figures of C.-H. Chen et al. as PyBaMM 26.10 carries them (graphite_LGM50_ocp_Chen2020.csv).
# checked value: voltages of battery.spm are those of PyBaMM with its own to 0.33 mV, of battery.dfn to 0.08 mV: between the
#   figures it has a spline, here a curve that rises and falls only with them.

from battery.parameters import CellData
from battery.chen2020 import U_p, D_e, kappa_e

table U_n(x [1]) [V] = csv("lg_m50_graphite.csv", x = "x", y = "U", method = cubic, outside = extend)

model OKane2022 extends CellData(area = 0.1027, capacity = 5, V_min = 2.5, V_max = 4.2,
  neg.L = 85.2e-6, neg.porosity = 0.25, neg.active = 0.75, neg.sigma = 215, neg.R = 5.86e-6, neg.D = 3.3e-14,
  neg.c_max = 33133, neg.c0 = 29866, neg.m = 6.48e-7 [A/m^2]*sqrt(1000)*33133, neg.U = U_n,
  sep.L = 12e-6, sep.porosity = 0.47,
  pos.L = 75.6e-6, pos.porosity = 0.335, pos.active = 0.665, pos.sigma = 0.18, pos.R = 5.22e-6,
  pos.D = 4e-15, pos.c_max = 63104, pos.c0 = 17038, pos.m = 3.42e-6 [A/m^2]*sqrt(1000)*63104, pos.U = U_p,
  electrolyte.t_plus = 0.2594, electrolyte.D = D_e, electrolyte.kappa = kappa_e) "LG M50, as it ages"
end
