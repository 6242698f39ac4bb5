# The same cell as dfn.sml put together from parts: two electrodes and a separator, each with its own arrays, and what
# passes between them.

from chen2020 import F, RT, area, t_plus, chi, c_e0, L_n, L_s, L_p, eps_n, eps_s, eps_p, active_n, active_p, radius_n,
  radius_p, D_n, D_p, sigma_n, sigma_p, c_max_n, c_max_p, c_n0, c_p0, m_n, m_p, U_n, U_p, j0, D_e, kappa_e

# Through the face between two cells of widths a and b: salt by diffusion, and current.
function salt(a, b, s, t, c, d) = -2*(d - c)/(a/(s*D_e(c)) + b/(t*D_e(d)))
function current(a, b, s, t, c, d, p, q) = 2*(b*s*kappa_e(c) + a*t*kappa_e(d))/(a + b)*
  (chi*(d - c)/(a*c + b*d) - (q - p)/(a + b))

partial model Region "electrolyte in a porous layer"
  const N = 20
  param L = 1e-4
  param eps = 0.3
  param dx = L/N
  param s = eps^1.5
  var c[N] start c_e0
  var phi[N] guess -0.1
  var i[N+1]      "current density in the electrolyte through each face"
  var flux[N+1]   "of salt by diffusion"
  var source[N]   "current per area from particles"
equations
  i[2..N] = current(dx, dx, s, s, c[1..N-1], c[2..N], phi[1..N-1], phi[2..N])
  flux[2..N] = salt(dx, dx, s, s, c[1..N-1], c[2..N])
  i[2..N+1] - i[1..N] = source
  eps*dx*der(c) = flux[1..N] - flux[2..N+1] + (1 - t_plus)/F*source
end

model Separator extends Region
equations
  for k in 1..N
    source[k] = 0
  end
end

partial model Electrode extends Region
  const R = 20
  param radius = 1e-5
  param D = 1e-14
  param active = 0.7
  param sigma = 1
  param c_max = 3e4
  param m = 1e-6
  param c_s0 = 1e4
  var c_s[N, R] start c_s0
  var surface[N]
  var j[N]       "current density through the surface of particles"
  var U[N]       "open-circuit potential"
  var phi_s[N]
  var i_s[N+1]   "current density in the solid"
equations
  surface = 1.5*c_s[1..N, R] - 0.5*c_s[1..N, R-1]
  j = 2*j0(m, c, surface, c_max)*sinh(F/(2*RT)*(phi_s - phi - U))
  source = 3*active/radius*dx*j
  i_s[2..N] = -sigma/dx*(phi_s[2..N] - phi_s[1..N-1])
  i_s[2..N+1] - i_s[1..N] = -source
  for n in 1..N
    (radius/R)^2/3*der(c_s[n, 1]) = D*(c_s[n, 2] - c_s[n, 1])
    for k in 2..R-1
      (radius/R)^2*(k^3 - (k - 1)^3)/3*der(c_s[n, k]) = D*k^2*(c_s[n, k+1] - c_s[n, k]) - D*(k - 1)^2*(c_s[n, k] - c_s[n, k-1])
    end
    (radius/R)^2*(R^3 - (R - 1)^3)/3*der(c_s[n, R]) = -radius*R*j[n]/F - D*(R - 1)^2*(c_s[n, R] - c_s[n, R-1])
  end
end

model Negative extends Electrode
equations
  U = U_n(surface/c_max)
end

model Positive extends Electrode
equations
  U = U_p(surface/c_max)
end

model DFN
  input I = 5 "current [A]"
  part neg : Negative(L = L_n, eps = eps_n, radius = radius_n, D = D_n, active = active_n, sigma = sigma_n,
    c_max = c_max_n, m = m_n, c_s0 = c_n0, phi_s guess 0)
  part sep : Separator(L = L_s, eps = eps_s)
  part pos : Positive(L = L_p, eps = eps_p, radius = radius_p, D = D_p, active = active_p, sigma = sigma_p,
    c_max = c_max_p, m = m_p, c_s0 = c_p0, phi_s guess 4.06)
  var V
equations
  neg.i[1] = 0
  neg.flux[1] = 0
  neg.i_s[1] = I/area
  neg.i_s[1] = -2*neg.sigma/neg.dx*neg.phi_s[1]
  neg.i_s[neg.N+1] = 0
  neg.i[neg.N+1] = current(neg.dx, sep.dx, neg.s, sep.s, neg.c[neg.N], sep.c[1], neg.phi[neg.N], sep.phi[1])
  neg.flux[neg.N+1] = salt(neg.dx, sep.dx, neg.s, sep.s, neg.c[neg.N], sep.c[1])
  sep.i[1] = neg.i[neg.N+1]
  sep.flux[1] = neg.flux[neg.N+1]
  sep.i[sep.N+1] = current(sep.dx, pos.dx, sep.s, pos.s, sep.c[sep.N], pos.c[1], sep.phi[sep.N], pos.phi[1])
  sep.flux[sep.N+1] = salt(sep.dx, pos.dx, sep.s, pos.s, sep.c[sep.N], pos.c[1])
  pos.i[1] = sep.i[sep.N+1]
  pos.flux[1] = sep.flux[sep.N+1]
  pos.i_s[1] = 0
  pos.i[pos.N+1] = 0
  pos.flux[pos.N+1] = 0
  V = 1.5*pos.phi_s[pos.N] - 0.5*pos.phi_s[pos.N-1]
experiment
  time 0..3550, rtol 1e-6, atol 1e-6
end
