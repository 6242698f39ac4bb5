# What a parameter set says of a cell: the records that models of cells read, and that a set fills in.
# source: the quantities of M. Doyle, T. F. Fuller and J. Newman, J. Electrochem. Soc. 140 (1993) 1526.
# checked value: battery.chen2020, battery.marquis2019, battery.mohtat2020 and battery.okane2022 fill them in.

model ElectrodeData "a porous electrode and its particles"
  param L = 1e-4 [m] in 2e-5..2e-4 "thickness"
  param porosity = 0.3 in 0.2..0.5 "part of the volume that is electrolyte"
  param active = 0.6 in 0.4..0.8 "part of the volume that stores lithium"
  param bruggeman = 1.5 "what conducts in pores: times porosity to this power"
  param bruggeman_solid = 1.5 "and beside them: times 1 - porosity to this power"
  param sigma = 100 [S/m] "conductivity of the solid"
  param R = 1e-5 [m] in 1e-6..2e-5 "radius of particles"
  param D = 1e-14 [m^2/s] in 1e-15..1e-13 "diffusivity of lithium in particles"
  param c_max = 3e4 [mol/m^3] "what particles can hold"
  param c0 = 1.5e4 [mol/m^3] "what they hold at the start"
  param m = 1 [A/m^2] "twice the exchange current density at half charge, in the electrolyte at rest"
  table U(x [1]) [V] "open-circuit potential, by the part of c_max at the surface"
end

model ElectrolyteData "a salt in its solvent"
  param c0 = 1000 [mol/m^3] "concentration at rest"
  param t_plus = 0.4 "transference number of the cation"
  table D(c [mol/m^3]) [m^2/s] "diffusivity of the salt"
  table kappa(c [mol/m^3]) [S/m] "conductivity"
end

model SeparatorData
  param L = 2e-5 [m] "thickness"
  param porosity = 0.5
  param bruggeman = 1.5
end

partial model CellData "a parameter set"
  param area = 0.1 [m^2] "of the electrodes"
  param capacity = 5 [A*h] "nominal: 1C empties it in an hour"
  param V_min = 2.5 [V] "cut-off of a discharge"
  param V_max = 4.2 [V] "cut-off of a charge"
  param T = 298.15 [K] "temperature"
  part neg : ElectrodeData
  part sep : SeparatorData
  part pos : ElectrodeData
  part electrolyte : ElectrolyteData
end
