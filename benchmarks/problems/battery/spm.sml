# Single particle model of a cell: one sphere for each electrode, the same current everywhere.

from chen2020 import F, RT, area, c_e0, L_n, L_p, active_n, active_p, radius_n, radius_p, D_n, D_p, c_max_n, c_max_p,
  c_n0, c_p0, m_n, m_p, U_n, U_p, j0, arsinh
from particle import Particle

model SPM
  input I = 5 "current [A]"
  var j_n "current density through the surface of particles"
  var j_p
  part neg : Particle(R = radius_n, D = D_n, c0 = c_n0, j = j_n)
  part pos : Particle(R = radius_p, D = D_p, c0 = c_p0, j = j_p)
  var V
equations
  j_n = I/area/L_n*radius_n/(3*active_n)
  j_p = -I/area/L_p*radius_p/(3*active_p)
  V = U_p(pos.surface/c_max_p) - U_n(neg.surface/c_max_n) +
    2*RT/F*(arsinh(j_p/(2*j0(m_p, c_e0, pos.surface, c_max_p))) - arsinh(j_n/(2*j0(m_n, c_e0, neg.surface, c_max_n))))
experiment
  time 0..3550, rtol 1e-6, atol 1e-6
end
