# The LG M50 cell at 298.15 K.
# source: C.-H. Chen et al., J. Electrochem. Soc. 167 (2020) 080534; its electrolyte: A. Nyman et al., Electrochim. Acta 53
#   (2008) 6356.
# checked value: used by battery.spm and battery.dfn, whose voltages are those of PyBaMM with its own.

const F = 96485.33212 [C/mol]
const RT = 2478.95703 [J/mol]
const area = 0.1027 [m^2]
const c_e0 = 1000 [mol/m^3]
const t_plus = 0.2594

# Lithium as a part of what an electrode can hold → its potential.
function U_n(x) = 1.9793*exp(-39.3631*x) + 0.2482 - 0.0909*tanh(29.8538*(x - 0.1234)) -
  0.04478*tanh(14.9159*(x - 0.2769)) - 0.0205*tanh(30.4444*(x - 0.6103))
function U_p(x) = -0.8090*x + 4.4875 - 0.0428*tanh(18.5138*(x - 0.5542)) - 17.7326*tanh(15.7890*(x - 0.3117)) +
  17.5842*tanh(15.9308*(x - 0.3120))
function j0(m, c_e, c, c_max) = m*sqrt(c_e/c_e0)*sqrt(c/c_max*(1 - c/c_max))   # exchange current density, m/2 at half charge

function molar(c) = c/(1000 [mol/m^3])
function D_e(c) = 1e-10 [m^2/s]*(0.8794*molar(c)^2 - 3.972*molar(c) + 4.862)
function kappa_e(c) = 1 [S/m]*(0.1297*molar(c)^3 - 2.51*molar(c)^1.5 + 3.329*molar(c))
