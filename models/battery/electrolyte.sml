# The electrolyte in the pores of an electrode or a separator: a binary salt that diffuses and migrates.
# source: M. Doyle, T. F. Fuller and J. Newman, J. Electrochem. Soc. 140 (1993) 1526.
# checked value: battery.dfn and battery.spme, which are made of it.

from battery.particle import F, R_gas

partial model Layer "salt in a porous layer"
  const N = 20 "cells"
  param L = 12e-6 [m] "thickness"
  param porosity = 0.47
  param bruggeman = 1.5
  param s = porosity^bruggeman "what is left of conductivity and diffusivity in pores"
  param t_plus = 0.4
  param c0 = 1000 [mol/m^3]
  var D[N] [m^2/s] "diffusivity of the salt"
  field c(x) [mol/m^3] over 0..L cells N start c0 "salt"
  var q[N] [A/m^3] "current that comes out of particles"
equations
  porosity*der(c) = div(harmonic(s*D)*grad(c)) + (1 - t_plus)/F*q
end

model SeparatorLayer extends Layer
equations
  q = (0 for i in 1..N)
end

partial model ConductingLayer extends Layer "with the potential of the electrolyte"
  param T = 298.15 [K]
  param chi [V] = 2*(1 - t_plus)*R_gas*T/F
  var kappa[N] [S/m] "conductivity"
  field phi(x) [V] over 0..L cells N guess -0.1 "potential"
equations
  0 = div(s*kappa*(grad(phi) - chi*grad(c)/c)) + q
end

model ConductingSeparator extends ConductingLayer
equations
  q = (0 for i in 1..N)
end

model PolarisedSeparator "between two foils of lithium that pass a current"
  param i = 10 [A/m^2]
  param D = 3e-10 [m^2/s]
  param kappa = 1 [S/m]
  part sep : ConductingSeparator(L = 25e-6)
  output fall [mol/m^3] = (sep.c at 0) - (sep.c at sep.L)
  output drop [V] = sep.phi at sep.L
equations
  sep.D = (D for k in 1..sep.N)
  sep.kappa = (kappa for k in 1..sep.N)
  -sep.s*D*grad(sep.c) at 0 = (1 - sep.t_plus)*i/F
  -sep.s*D*grad(sep.c) at sep.L = (1 - sep.t_plus)*i/F
  sep.phi at 0 = 0
  -sep.s*kappa*(grad(sep.phi) - sep.chi*grad(sep.c)/sep.c) at sep.L = i
experiment
  time 0..100
end

# At rest the salt falls along a line, by d = (1 - t_plus)*i*L/(F*s*D), and the potential by i*L/(s*kappa) and by the logarithm
# of what is left at the far foil: 1000 - d/2 of 1000 + d/2.
test "the line and the logarithm at rest"
  expect fall = 16.08281 [mol/m^3] within 1e-5
  expect drop = -0.001271739 [V] within 1e-4
end
