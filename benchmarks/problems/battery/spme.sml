# Single particle model with electrolyte: as spm.sml, and diffusion in the electrolyte under that current.

from chen2020 import F, RT, area, t_plus, chi, c_e0, L_n, L_s, L_p, eps_n, eps_s, eps_p, active_n, active_p, radius_n,
  radius_p, D_n, D_p, sigma_n, sigma_p, c_max_n, c_max_p, c_n0, c_p0, m_n, m_p, U_n, U_p, j0, D_e, kappa_e, arsinh
from particle import Particle

function of(i, N, n, s, p) = if i <= N then n else if i <= 2*N then s else p
function dx(i, N) = of(i, N, L_n/N, L_s/N, L_p/N)
function eps(i, N) = of(i, N, eps_n, eps_s, eps_p)

model SPMe
  const N = 20 "cells of each region"
  const M = 3*N
  input I = 5 "current [A]"
  var j_n "current density through the surface of particles"
  var j_p
  part neg : Particle(R = radius_n, D = D_n, c0 = c_n0, j = j_n)
  part pos : Particle(R = radius_p, D = D_p, c0 = c_p0, j = j_p)
  var c[M] start c_e0 "salt in the electrolyte"
  var flux[M]         "of salt by diffusion through the right face of each cell"
  var c_n             "means over the electrodes"
  var c_p
  var c_mean
  var eta_c           "what the difference in concentration takes"
  var eta_ohm         "what electrolyte and electrodes take"
  var V
equations
  j_n = I/area/L_n*radius_n/(3*active_n)
  j_p = -I/area/L_p*radius_p/(3*active_p)
  for i in 1..M-1
    # Conductances of the two half cells in series.
    flux[i] = -2*(c[i+1] - c[i])/(dx(i, N)/(eps(i, N)^1.5*D_e(c[i])) + dx(i + 1, N)/(eps(i + 1, N)^1.5*D_e(c[i+1])))
  end
  flux[M] = 0
  for i in 1..M
    eps(i, N)*der(c[i]) = -(flux[i] - (if i == 1 then 0 else flux[max(i - 1, 1)]))/dx(i, N) +
      (1 - t_plus)/F*of(i, N, I/area/L_n, 0, -I/area/L_p)
  end
  c_n = sum(c[i] for i in 1..N)/N
  c_p = sum(c[i] for i in 2*N+1..M)/N
  c_mean = (L_n*c_n + L_s*sum(c[i] for i in N+1..2*N)/N + L_p*c_p)/(L_n + L_s + L_p)
  eta_c = chi/N*(sum(log(c[i]) for i in 2*N+1..M) - sum(log(c[i]) for i in 1..N))
  eta_ohm = -I/area*((L_n/(3*eps_n^1.5) + L_s/eps_s^1.5 + L_p/(3*eps_p^1.5))/kappa_e(c_mean) +
    L_n/(3*sigma_n) + L_p/(3*sigma_p))
  V = U_p(pos.surface/c_max_p) - U_n(neg.surface/c_max_n) + eta_c + eta_ohm +
    2*RT/F/N*sum(arsinh(j_p/(2*j0(m_p, c[2*N + i], pos.surface, c_max_p))) -
      arsinh(j_n/(2*j0(m_n, c[i], neg.surface, c_max_n))) for i in 1..N)
experiment
  time 0..3550, rtol 1e-6, atol 1e-6
end
