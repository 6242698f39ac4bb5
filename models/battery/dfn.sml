# The model of Doyle, Fuller and Newman for the LG M50 cell: two porous electrodes and a separator, with particles everywhere in
# the electrodes.
# source: C.-H. Chen et al., J. Electrochem. Soc. 167 (2020) 080534 (battery.chen2020).
# checked value: PyBaMM 26.10 with its own parameters, for which those in battery.chen2020 stand: with 30, 60, 120 cells a layer
#   3.94438, 3.94417, 3.94410 V at 60 s and 3.51227, 3.51206, 3.51196 V at 1800 s.

from battery.chen2020 import F, RT, area, c_e0, t_plus, U_n, U_p, j0, D_e, kappa_e
from battery.spm import Particle

partial model Layer "electrolyte in a porous layer"
  const N = 20
  param L = 12e-6 [m]
  param eps = 0.47
  param s = eps^1.5
  field c(x) [mol/m^3] over 0..L cells N start c_e0 "salt"
  field phi(x) [V] over 0..L cells N guess -0.1 "potential"
  var q[N] [A/m^3] "current out of particles"
equations
  eps*der(c) = div(s*D_e(c)*grad(c)) + (1 - t_plus)/F*q
  0 = div(s*kappa_e(c)*(grad(phi) - 2*(1 - t_plus)*RT/F*grad(log(c/c_e0)))) + q
end

model Separator extends Layer
equations
  q = (0 for i in 1..N)
end

partial model Electrode extends Layer
  param active = 0.75
  param sigma = 215 [S/m]
  param m = 0.678947 [A/m^2]
  field phi_s(x) [V] over 0..L cells N guess 0 "potential of the solid"
  part p[N] : Particle
  var U[N] [V]
equations
  0 = div(sigma*grad(phi_s)) - q
  p.j = 2*j0(m, c, p.x*p.c_max, p.c_max)*sinh(F/(2*RT)*(phi_s - phi - U))
  q = 3*active/p.R*p.j
end

model Negative extends Electrode
equations
  U = U_n(p.x)*1 [V]
end

model Positive extends Electrode
equations
  U = U_p(p.x)*1 [V]
end

model DFN
  const N = 20 "cells of each layer"
  input I = 5 [A] "of a discharge"
  part neg : Negative(N = N, L = 85.2e-6, eps = 0.25)
  part sep : Separator(N = N)
  part pos : Positive(N = N, L = 75.6e-6, eps = 0.335, active = 0.665, sigma = 0.18, m = 6.824691, phi_s guess 4.06,
    p.R = 5.22e-6, p.D = 4e-15, p.c0 = 17038, p.c_max = 63104)
  output V [V] = pos.phi_s at L
equations
  grad(neg.c) at 0 = 0
  connect neg.c at L, sep.c at 0
  connect sep.c at L, pos.c at 0
  grad(pos.c) at L = 0
  grad(neg.phi) at 0 = 0
  connect neg.phi at L, sep.phi at 0
  connect sep.phi at L, pos.phi at 0
  grad(pos.phi) at L = 0
  neg.phi_s at 0 = 0
  grad(neg.phi_s) at L = 0
  grad(pos.phi_s) at 0 = 0
  -pos.sigma*grad(pos.phi_s) at L = I/area
experiment
  time 0..3300
end

test "voltages of PyBaMM 26.10, its meshes extrapolated"
  set N = 8
  simulate time 0..1800, rtol 1e-5, atol 1e-5
  expect V at 60 = 3.9440 [V] within 0.001 [V]
  expect V at 1800 = 3.5119 [V] within 0.001 [V]
end
