# Single particle model of the LG M50 cell: one sphere stands for each electrode.
# source: C.-H. Chen et al., J. Electrochem. Soc. 167 (2020) 080534 (battery.chen2020).
# checked value: at constant current the surface of a sphere follows a closed form (H. S. Carslaw and J. C. Jaeger, Conduction of
#   Heat in Solids, 1959, 9.7.6): with tau = D*t/R^2, flux j, and tan(b) = b,
#   c0 - j*R/D*(3*tau + 1/5 - 2*sum(exp(-b^2*tau)/b^2)), from which the voltages below follow.

from battery.chen2020 import F, RT, area, c_e0, U_n, U_p, j0

model Particle "lithium in a sphere"
  const n = 20 "cells, narrower towards the surface"
  const g = 0.9
  param R = 5.86e-6 [m]
  param D = 3.3e-14 [m^2/s]
  param c0 = 29866 [mol/m^3]
  param c_max = 33133 [mol/m^3]
  input j = 0 [A/m^2] "current density out of its surface"
  field c(r) [mol/m^3] over 0..R cells n grading g spherical start c0
  output x [1] = (c at R)/c_max "at the surface"
equations
  der(c) = div(D*grad(c))
  -D*grad(c) at R = j/F
end

model SPM
  input I = 5 [A] "of a discharge"
  param L_n = 85.2e-6 [m]
  param L_p = 75.6e-6 [m]
  param active_n = 0.75
  param active_p = 0.665
  param m_n = 0.678947 [A/m^2] in 0.3..1.5
  param m_p = 6.824691 [A/m^2] in 3..15
  part neg : Particle
  part pos : Particle(R = 5.22e-6, D = 4e-15, c0 = 17038, c_max = 63104)
  output V [V] = U_p(pos.x)*1 [V] - U_n(neg.x)*1 [V] +
    2*RT/F*(asinh(pos.j/(2*j0(m_p, c_e0, pos.c at R, pos.c_max))) - asinh(neg.j/(2*j0(m_n, c_e0, neg.c at R, neg.c_max))))
equations
  neg.j = I/area/L_n*neg.R/(3*active_n)
  pos.j = -I/area/L_p*pos.R/(3*active_p)
experiment
  time 0..3000
end

test "voltages by the closed form"
  simulate time 0..3300, rtol 1e-7, atol 1e-5
  expect V at 60 = 3.990533 [V] within 0.0005 [V]
  expect V at 600 = 3.867462 [V] within 0.0005 [V]
  expect V at 1800 = 3.568219 [V] within 0.0005 [V]
  expect V at 3300 = 3.061230 [V] within 0.0005 [V]
end
