# The LG M50 cell of C.-H. Chen et al., J. Electrochem. Soc. 167 (2020) 080534; electrolyte of A. Nyman et al.,
# Electrochim. Acta 53 (2008) 6356. At 298.15 K; SI units throughout.

const F = 96485.33212
const RT = 8.31446261815324*298.15
const area = 0.065*1.58
const t_plus = 0.2594
const chi = 2*(1 - t_plus)*RT/F
const c_e0 = 1000

# negative electrode, separator, positive electrode
const L_n = 8.52e-5
const L_s = 1.2e-5
const L_p = 7.56e-5
const eps_n = 0.25
const eps_s = 0.47
const eps_p = 0.335
const active_n = 0.75
const active_p = 0.665
const radius_n = 5.86e-6
const radius_p = 5.22e-6
const D_n = 3.3e-14
const D_p = 4e-15
const sigma_n = 215
const sigma_p = 0.18
const c_max_n = 33133
const c_max_p = 63104
const c_n0 = 29866
const c_p0 = 17038
const m_n = 6.48e-7
const m_p = 3.42e-6

function U_n(x) = 1.9793*exp(-39.3631*x) + 0.2482 - 0.0909*tanh(29.8538*(x - 0.1234)) -
  0.04478*tanh(14.9159*(x - 0.2769)) - 0.0205*tanh(30.4444*(x - 0.6103))
function U_p(x) = -0.8090*x + 4.4875 - 0.0428*tanh(18.5138*(x - 0.5542)) - 17.7326*tanh(15.7890*(x - 0.3117)) +
  17.5842*tanh(15.9308*(x - 0.3120))
function j0(m, c_e, c, c_max) = m*sqrt(c_e)*sqrt(c)*sqrt(c_max - c)
function D_e(c) = 8.794e-11*(c/1000)^2 - 3.972e-10*(c/1000) + 4.862e-10
function kappa_e(c) = 0.1297*(c/1000)^3 - 2.51*(c/1000)^1.5 + 3.329*(c/1000)
function arsinh(x) = log(x + sqrt(x^2 + 1))
