# Lithium in a spherical particle of an electrode, and the reaction at its surface.
# source: M. Doyle, T. F. Fuller and J. Newman, J. Electrochem. Soc. 140 (1993) 1526.
# checked value: at constant flux the surface of a sphere follows a closed form (H. S. Carslaw and J. C. Jaeger, Conduction of
#   Heat in Solids, 1959, 9.7.6): with tau = D*t/R^2, c0 - j*R/D*(3*tau + 1/5 - 2*sum(exp(-b^2*tau)/b^2)), tan(b) = b.

const F = 96485.33212 [C/mol]
const R_gas = 8.31446261815324 [J/(mol*K)]

# Exchange current density of a reaction that is of order one half in what it takes and gives: m/2 at half charge.
function exchange_current(m, c_e, x) = m*sqrt(c_e)*sqrt(x*(1 - x))
# Symmetric Butler-Volmer kinetics, and what overpotential drives a current.
function butler_volmer(j0, eta, T) = 2*j0*sinh(F/(2*R_gas*T)*eta)
function overpotential(j, j0, T) = 2*R_gas*T/F*asinh(j/(2*j0))

model Particle "lithium in a sphere"
  const n = 20 "cells"
  const g = 0.9 "each so many times as wide as the one below it"
  const two_cells = false "its surface by the slope of the two outer cells, not by what flows: PyBaMM's rule"
  param R = 5.86e-6 [m] "radius"
  param D = 3.3e-14 [m^2/s] "diffusivity"
  param c0 = 29866 [mol/m^3] "at the start"
  param c_max = 33133 [mol/m^3]
  input j = 0 [A/m^2] "current density out of its surface"
  field c(r) [mol/m^3] over 0..R cells n grading g spherical start c0
  var x [1] "part of c_max at the surface"
equations
  der(c) = div(D*grad(c))
  -D*grad(c) at R = j/F
  x = (if two_cells then 1.5*c[n] - 0.5*c[n-1] else c at R)/c_max
end

test "the closed form at a constant flux"
  set j = 1 [A/m^2]
  simulate time 0..600, rtol 1e-7, atol 1e-4
  expect x at 600 = 0.794204 within 1e-4
end
