# A room behind a wall, and a heater that a thermostat turns on and off.
# checked value: the linear equations of either position by eigenvalues, its instants by bisection, tests/models/reference.py.

from thermal import FixedTemperature, HeatCapacitor, PrescribedHeatFlow, Thermostat, ThermalResistor

model HeatedRoom "air, a wall, and a heater that is on or off"
  param P = 1500 [W] in 1000..2000 "power of the heater"
  part air : HeatCapacitor(C = 5e5, T start 18 [degC])
  part wall : HeatCapacitor(C = 4e6, T start 14 [degC])
  part inner : ThermalResistor(R = 0.005)
  part outer : ThermalResistor(R = 0.02)
  part outside : FixedTemperature(T = 2 [degC])
  part heater : PrescribedHeatFlow
  part thermostat : Thermostat(T_set = 20 [degC], band = 1)
equations
  heater.Q = if thermostat.on then P else 0
  connect heater.port, air.port, inner.a, thermostat.port
  connect inner.b, wall.port, outer.a
  connect outer.b, outside.port
experiment
  time 0..12 [h]
end

test "temperatures and switches after half a day"
  simulate time 0..12 [h], rtol 1e-9
  expect air.T at 43200 = 293.64252672740855 [K] within 1e-4 [K]
  expect wall.T at 43200 = 289.38460890405315 [K] within 1e-4 [K]
  expect thermostat.switches at 43200 = 28
end
