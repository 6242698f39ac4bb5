# A hall that a chiller keeps cool through a tank of chilled water. The chiller is a model of its own with cells along both
# of its heat exchangers; seen from the hall it is a heat flow out of the water, one into the air outside, and a power:
#
#     stiffdsl surrogate models/examples/cooled_hall.sml --part chiller --goal 1%
#
# checked value: temperatures and power after two days, from the same equations in NumPy (tests/models/reference.py, scipy Radau,
#   rtol 1e-10).

from thermal import Convection, HeatCapacitor, HeatPort, LayeredWall, PrescribedHeatFlow, PrescribedTemperature, ThermalConductor

model Chiller "cools water by a compressor; its fans blow the heat into the air outside"
  const n = 30 "cells along each heat exchanger"
  port water : HeatPort "the tank, from which water is pumped along the evaporator and back"
  port air   : HeatPort "outside, from where air is blown along the condenser and back"
  param Q_max = 9 [kW]          "heat that the compressor takes up at most"
  param T_set = 7 [degC]        "of the water that leaves; half of the greatest heat is taken up there"
  param band = 2 [K]            "half-width of the proportional band"
  param efficiency = 0.4        "fraction of Carnot's coefficient of performance"
  param pumped = 1200 [W/K]     "heat capacity of the water that flows in a second"
  param blown = 2500 [W/K]      "heat capacity of the air that flows in a second"
  param UA_water = 3000 [W/K]   "water to metal, over all cells"
  param UA_boiling = 4000 [W/K] "metal to evaporating refrigerant"
  param UA_air = 2500 [W/K]     "metal to air"
  param UA_condensing = 4000 [W/K]
  param C_water = 6e4 [J/K]     "water in the evaporator"
  param C_evaporator = 1.2e4 [J/K]
  param C_condenser = 1.5e4 [J/K]
  param C_air = 500 [J/K]       "air in the condenser"
  var T_water[n] [degC] start 12
  var T_cold[n] [degC] start 12 "metal of the evaporator"
  var T_hot[n] [degC] start 25  "metal of the condenser"
  var T_air[n] [degC] start 25  "air along the condenser"
  var T_evaporating [degC] guess 5
  var T_condensing [degC] guess 35
  var Q [kW]                    "heat that the refrigerant takes up"
  var COP                       "coefficient of performance"
  output power [kW]             "electric power of the compressor"
equations
  Q = Q_max*smooth_step(T_water[n] - T_set, band)
  Q = sum(UA_boiling/n*(T_cold[i] - T_evaporating) for i in 1..n)
  COP = efficiency*T_evaporating/(T_condensing - T_evaporating)
  Q = COP*power
  Q + power = sum(UA_condensing/n*(T_condensing - T_hot[i]) for i in 1..n)
  for i in 1..n
    C_water/n*der(T_water[i]) = pumped*((if i == 1 then water.T else T_water[max(1, i - 1)]) - T_water[i]) -
      UA_water/n*(T_water[i] - T_cold[i])
    C_evaporator/n*der(T_cold[i]) = UA_water/n*(T_water[i] - T_cold[i]) - UA_boiling/n*(T_cold[i] - T_evaporating)
    C_condenser/n*der(T_hot[i]) = UA_condensing/n*(T_condensing - T_hot[i]) - UA_air/n*(T_hot[i] - T_air[i])
    C_air/n*der(T_air[i]) = blown*((if i == 1 then air.T else T_air[max(1, i - 1)]) - T_air[i]) +
      UA_air/n*(T_hot[i] - T_air[i])
  end
  water.Q = pumped*(water.T - T_water[n])
  air.Q = blown*(air.T - T_air[n])
end

model CooledHall "two summer days of a hall with people, sun and a chiller"
  param T_mean = 26 [degC] in 22..30 "mean outdoor temperature of the day"
  param people = 4 [kW] in 2..6      "heat of people and lamps by day"
  param coil_G = 400 [W/K] in 300..600 "water to the air of the hall"
  var T_outdoor [degC]
  var sun [kW]
  part weather : PrescribedTemperature(T = T_outdoor)
  part hall    : HeatCapacitor(C = 4e6, T start 24 [degC])
  part gains   : PrescribedHeatFlow(Q = people*smooth_step(-cos(2*pi*time/24 [h]), 0.4) + sun)
  part inner   : Convection(h = 8, area = 200)
  part wall    : LayeredWall(area = 200, T start 297.15)
  part outer   : Convection(h = 20, area = 200)
  part leaks   : ThermalConductor(G = 150)
  part coil    : ThermalConductor(G = coil_G)
  part tank    : HeatCapacitor(C = 1.2e6, T start 12 [degC])
  part chiller : Chiller
  output power [kW] = chiller.power
equations
  # Warmest at three in the afternoon; the sun shines from six to eighteen.
  T_outdoor = T_mean + 6 [K]*cos(2*pi*(time - 15 [h])/24 [h])
  sun = 2 [kW]*max(0, -cos(2*pi*time/24 [h]))^2
  connect hall.port, gains.port, inner.a, leaks.a, coil.a
  connect inner.b, wall.a
  connect wall.b, outer.a
  connect outer.b, leaks.b, weather.port, chiller.air
  connect coil.b, tank.port, chiller.water
experiment
  time 0..2 [d], rtol 1e-6, atol 1e-6
end

test "end values by scipy"
  expect hall.T = 292.16925239271785 within 1e-4
  expect tank.T = 282.91323487589665 within 1e-4
  expect wall.T[2] = 297.44244415863557 within 1e-4
  expect chiller.T_water[1] = 9.575443314816198 within 1e-4
  expect chiller.T_air[30] = 23.519289435261157 within 1e-4
  expect power = 0.6687366727554728 within 1e-4
end
