# The model of Doyle, Fuller and Newman: two porous electrodes and a separator, with particles everywhere in the electrodes.
# source: M. Doyle, T. F. Fuller and J. Newman, J. Electrochem. Soc. 140 (1993) 1526; its cell: battery.chen2020, or another
#   parameter set.
# checked value: PyBaMM 26.10 with its own parameters: `pybamm` set, 0.01 mV on its mesh; without, its meshes of 30, 60 and 120
#   cells a layer, 3.94438, 3.94417, 3.94410 V at 60 s and 3.51227, 3.51206, 3.51196 V at 1800 s.

from battery.chen2020 import Chen2020
from battery.electrolyte import ConductingLayer, ConductingSeparator
from battery.particle import F, Particle, exchange_current, butler_volmer

# PyBaMM's current between two layers whose cells are a/N and b/N wide, from the conductivities in the two cells beside.
function across(a, b, N, k, l, fall, chi, c, d) = 2*N*(b*k + a*l)/(a + b)*(fall/(a + b) + chi*(d - c)/(a*c + b*d))

model PorousElectrode extends ConductingLayer
  param active = 0.75 "part of the volume that stores lithium"
  param sigma = 215 [S/m] "effective conductivity of the solid"
  param m = 0.678947 [A/m^2]
  var U[N] [V] "open-circuit potential"
  field phi_s(x) [V] over 0..L cells N guess 0 "potential of the solid"
  part p[N] : Particle
equations
  0 = div(sigma*grad(phi_s)) - q
  p.j = butler_volmer(exchange_current(m, c/c0, p.x), phi_s - phi - U, T)
  q = 3*active/p.R*p.j
end

model DFN "porous electrodes with particles everywhere"
  const N = 20 "cells of each layer"
  const pybamm = false "PyBaMM's mesh and rules at surfaces and between layers"
  input I = 5 [A] "of a discharge"
  part set : Chen2020
  part neg : PorousElectrode(N = N, L = set.neg.L, porosity = set.neg.porosity, bruggeman = set.neg.bruggeman,
    active = set.neg.active, sigma = set.neg.sigma*(1 - set.neg.porosity)^set.neg.bruggeman_solid, m = set.neg.m,
    p.R = set.neg.R, p.D = set.neg.D, p.c0 = set.neg.c0, p.c_max = set.neg.c_max, p.two_cells = pybamm,
    p.g = if pybamm then 1 else 0.9,
    c0 = set.electrolyte.c0, t_plus = set.electrolyte.t_plus, T = set.T)
  part sep : ConductingSeparator(N = N, L = set.sep.L, porosity = set.sep.porosity, bruggeman = set.sep.bruggeman,
    c0 = set.electrolyte.c0, t_plus = set.electrolyte.t_plus, T = set.T)
  part pos : PorousElectrode(N = N, L = set.pos.L, porosity = set.pos.porosity, bruggeman = set.pos.bruggeman,
    active = set.pos.active, sigma = set.pos.sigma*(1 - set.pos.porosity)^set.pos.bruggeman_solid, m = set.pos.m,
    p.R = set.pos.R, p.D = set.pos.D, p.c0 = set.pos.c0, p.c_max = set.pos.c_max, p.two_cells = pybamm,
    p.g = if pybamm then 1 else 0.9, phi_s guess 4,
    c0 = set.electrolyte.c0, t_plus = set.electrolyte.t_plus, T = set.T)
  var i_n [A/m^2] "through the electrolyte from the negative electrode to the separator"
  var i_p [A/m^2] "and from there to the positive one"
  output V [V] = if pybamm then 1.5*pos.phi_s[N] - 0.5*pos.phi_s[N-1] else pos.phi_s at L
equations
  neg.U = set.neg.U(neg.p.x)
  pos.U = set.pos.U(pos.p.x)
  neg.D = set.electrolyte.D(neg.c)
  sep.D = set.electrolyte.D(sep.c)
  pos.D = set.electrolyte.D(pos.c)
  neg.kappa = set.electrolyte.kappa(neg.c)
  sep.kappa = set.electrolyte.kappa(sep.c)
  pos.kappa = set.electrolyte.kappa(pos.c)
  grad(neg.c) at 0 = 0
  connect neg.c at L, sep.c at 0
  connect sep.c at L, pos.c at 0
  grad(pos.c) at L = 0
  grad(neg.phi) at 0 = 0
  -(neg.s*neg.kappa*(grad(neg.phi) - neg.chi*grad(neg.c)/neg.c)) at L = i_n
  -(sep.s*sep.kappa*(grad(sep.phi) - sep.chi*grad(sep.c)/sep.c)) at 0 = i_n
  -(sep.s*sep.kappa*(grad(sep.phi) - sep.chi*grad(sep.c)/sep.c)) at L = i_p
  -(pos.s*pos.kappa*(grad(pos.phi) - pos.chi*grad(pos.c)/pos.c)) at 0 = i_p
  if pybamm then
    i_n = across(neg.L, sep.L, N, neg.s*neg.kappa[N], sep.s*sep.kappa[1], neg.phi[N] - sep.phi[1], sep.chi,
      neg.c[N], sep.c[1])
    i_p = across(sep.L, pos.L, N, sep.s*sep.kappa[N], pos.s*pos.kappa[1], sep.phi[N] - pos.phi[1], sep.chi,
      sep.c[N], pos.c[1])
  else
    neg.phi at L = sep.phi at 0
    sep.phi at L = pos.phi at 0
  end
  grad(pos.phi) at L = 0
  neg.phi_s at 0 = 0
  grad(neg.phi_s) at L = 0
  grad(pos.phi_s) at 0 = 0
  -pos.sigma*grad(pos.phi_s) at L = I/set.area
experiment
  time 0..3300
end

test "voltages of PyBaMM 26.10, on its mesh of six cells a layer"
  set N = 6, pybamm = true
  simulate time 0..1800, rtol 1e-6, atol 1e-6
  expect V at 60 = 3.946703 [V] within 0.00002 [V]
  expect V at 1800 = 3.513488 [V] within 0.00002 [V]
end
