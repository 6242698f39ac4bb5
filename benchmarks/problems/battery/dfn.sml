# The model of Doyle, Fuller and Newman, written flat: one array for each quantity along the cell, cells 1..N in the
# negative electrode, N+1..2N in the separator, 2N+1..3N in the positive electrode. Electrodes are numbered through, too.

from chen2020 import F, RT, area, t_plus, chi, c_e0, L_n, L_s, L_p, eps_n, eps_s, eps_p, active_n, active_p, radius_n,
  radius_p, D_n, D_p, sigma_n, sigma_p, c_max_n, c_max_p, c_n0, c_p0, m_n, m_p, U_n, U_p, j0, D_e, kappa_e

function of(i, N, n, s, p) = if i <= N then n else if i <= 2*N then s else p
function dx(i, N) = of(i, N, L_n/N, L_s/N, L_p/N)
function eps(i, N) = of(i, N, eps_n, eps_s, eps_p)

model DFN
  const N = 20 "cells of each region"
  const R = 20 "shells of each particle"
  const M = 3*N
  const E = 2*N
  input I = 5 "current [A]"
  var c[E, R] start (if i <= N then c_n0 else c_p0 for i in 1..E, k in 1..R) "lithium in particles"
  var surface[E]
  var j[E]              "current density through the surface of particles, out of them"
  var phi_s[E] guess (if i <= N then 0 else 4.06 for i in 1..E)
  var c_e[M] start c_e0 "salt in the electrolyte"
  var phi_e[M] guess -0.1
  var flux[M]           "of salt by diffusion through the right face of each cell"
  var i_e[M]            "current density in the electrolyte through that face"
  var i_s[E]            "and in the solid"
  var V
equations
  for i in 1..E
    surface[i] = 1.5*c[i, R] - 0.5*c[i, R-1]
    for k in 1..R
      (if i <= N then radius_n^2/D_n else radius_p^2/D_p)/R^2*(k^3 - (k - 1)^3)/3*der(c[i, k]) =
        (if k == R then -j[i]/F/R*(if i <= N then radius_n/D_n else radius_p/D_p)*k^2
          else k^2*(c[i, min(k + 1, R)] - c[i, k])) -
        (k - 1)^2*(c[i, k] - c[i, max(k - 1, 1)])
    end
  end
  for i in 1..N
    j[i] = 2*j0(m_n, c_e[i], surface[i], c_max_n)*sinh(F/(2*RT)*(phi_s[i] - phi_e[i] - U_n(surface[i]/c_max_n)))
    j[N+i] = 2*j0(m_p, c_e[2*N+i], surface[N+i], c_max_p)*
      sinh(F/(2*RT)*(phi_s[N+i] - phi_e[2*N+i] - U_p(surface[N+i]/c_max_p)))
    i_s[i] - (if i == 1 then I/area else i_s[max(i - 1, 1)]) = -3*active_n/radius_n*L_n/N*j[i]
    i_s[N+i] - (if i == 1 then 0 else i_s[N+max(i - 1, 1)]) = -3*active_p/radius_p*L_p/N*j[N+i]
  end
  i_s[N] = 0
  # The potential of the negative collector is zero.
  I/area = -2*sigma_n*N/L_n*phi_s[1]
  for i in 1..N-1
    i_s[i] = -sigma_n*N/L_n*(phi_s[i+1] - phi_s[i])
    i_s[N+i] = -sigma_p*N/L_p*(phi_s[N+i+1] - phi_s[N+i])
  end
  for i in 1..M-1
    # Conductances of the two half cells in series.
    flux[i] = -2*(c_e[i+1] - c_e[i])/(dx(i, N)/(eps(i, N)^1.5*D_e(c_e[i])) + dx(i + 1, N)/(eps(i + 1, N)^1.5*D_e(c_e[i+1])))
    i_e[i] = 2*(dx(i + 1, N)*eps(i, N)^1.5*kappa_e(c_e[i]) + dx(i, N)*eps(i + 1, N)^1.5*kappa_e(c_e[i+1]))/
      (dx(i, N) + dx(i + 1, N))*(chi*(c_e[i+1] - c_e[i])/(dx(i, N)*c_e[i] + dx(i + 1, N)*c_e[i+1]) -
      (phi_e[i+1] - phi_e[i])/(dx(i, N) + dx(i + 1, N)))
  end
  flux[M] = 0
  i_e[M] = 0
  for i in 1..M
    i_e[i] - (if i == 1 then 0 else i_e[max(i - 1, 1)]) =
      of(i, N, 3*active_n/radius_n*L_n/N*j[min(i, E)], 0, 3*active_p/radius_p*L_p/N*j[max(i - N, 1)])
    eps(i, N)*dx(i, N)*der(c_e[i]) = -(flux[i] - (if i == 1 then 0 else flux[max(i - 1, 1)])) +
      (1 - t_plus)/F*(i_e[i] - (if i == 1 then 0 else i_e[max(i - 1, 1)]))
  end
  V = 1.5*phi_s[E] - 0.5*phi_s[E-1]
experiment
  time 0..3550, rtol 1e-6, atol 1e-6
end
