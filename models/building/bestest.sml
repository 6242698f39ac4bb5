# Envelope cases of ASHRAE 140-2020: 600, 610, 620, 640, 600FF, and with heavy walls 900, 910, 920, 940, 900FF.
# source: the public implementation of the standard's cases in the Buildings library (lbl-srg/modelica-buildings, Buildings/ThermalZones/
#   Detailed/Validation/BESTEST: geometry, layers, glass, air change, schedules of its versions of 2022 and 2023), with the films, sky and optics of
#   this library.
# checked value: the ranges of six programs in the standard, by `python -m benchmarks bestest --weather FILE` (docs/measured/bestest.md says
#   which figures are inside).

from thermal import HeatCapacitor, PrescribedTemperature
from building.sky import Outdoors, Weather
from building.walls import Construction
from building.windows import Window
from building.zone import AirExchange, Floor, Gains, IdealPlant, OuterWall

model LightRoof extends Construction(thickness = {0.010, 0.1118, 0.019}, conductivity = {0.16, 0.04, 0.14}, density = {950, 12, 530},
  specific_heat = {840, 840, 900})
end

model HeavyWall extends Construction(cells = 3, thickness = {0.100, 0.0615, 0.009}, conductivity = {0.51, 0.04, 0.14}, density = {1400, 10, 530},
  specific_heat = {1000, 1400, 900})
end

model HeavySlab extends Construction(layers = 1, cells = 3, thickness = {0.080}, conductivity = {1.13}, density = {1400}, specific_heat = {1000})
end

model Hut "8 m by 6 m by 2.7 m, with 12 m2 of glass; nothing heats or cools it"
  input weather : Weather
  const south_glass = 1 "else east and west"
  const plant = 0       "ideal heating and cooling"
  part outdoors : Outdoors(weather = weather)
  part north : OuterWall(area = 21.6, azimuth = 180)
  part east : OuterWall(area = (if south_glass then 16.2 else 10.2), azimuth = -90)
  part south : OuterWall(area = (if south_glass then 9.6 else 21.6), azimuth = 0)
  part west : OuterWall(area = (if south_glass then 16.2 else 10.2), azimuth = 90)
  part roof : OuterWall(area = 48, tilt = 0, height = 2.7, layers : LightRoof)
  part floor : Floor
  part window : Window if south_glass
  part east_window : Window(area = 6, azimuth = -90) if not south_glass
  part west_window : Window(area = 6, azimuth = 90) if not south_glass
  part infiltration : AirExchange
  part gains : Gains
  part air : HeatCapacitor(C = 129.6*0.99*1006, T nominal 10)
  part under : PrescribedTemperature(T = weather.T_out)
  input T_set = 20 [degC] "below which it is heated"
  part heater : IdealPlant(T_heat = T_set) if plant
  var air_hours [K*h] start 0 nominal 1e5 "integral of the air's temperature above 0 degC"
  var entered [MWh] start 0 nominal 1     "energy that has come in from outside, gains and plant"
  output T_air [degC] = air.T
  var stored [J]                          "in walls, glass and air"
equations
  connect outdoors.climate, north.climate, east.climate, south.climate, west.climate, roof.climate, infiltration.climate
  connect north.room, east.room, south.room, west.room, roof.room, floor.room, gains.room
  connect air.port, north.room.air, infiltration.air
  connect floor.below, under.port
  connect heater.air, air.port
  connect window.climate, outdoors.climate
  connect window.room, north.room
  connect window.beam, floor.beam
  connect east_window.climate, west_window.climate, outdoors.climate
  connect east_window.room, west_window.room, north.room
  connect east_window.beam, west_window.beam, floor.beam
  der(air_hours) = air.T - 0 [degC]
  if south_glass then
    if plant then
      der(entered) = north.entered + east.entered + south.entered + west.entered + roof.entered + window.entered + infiltration.Q + gains.Q -
        floor.insulation.Q + heater.heating - heater.cooling
    else
      der(entered) = north.entered + east.entered + south.entered + west.entered + roof.entered + window.entered + infiltration.Q + gains.Q -
        floor.insulation.Q
    end
    stored = north.layers.stored + east.layers.stored + south.layers.stored + west.layers.stored + roof.layers.stored + floor.layers.stored +
      window.stored + air.C*(air.T - 0 [degC])
  else
    der(entered) = north.entered + east.entered + south.entered + west.entered + roof.entered + east_window.entered + west_window.entered +
      infiltration.Q + gains.Q - floor.insulation.Q + heater.heating - heater.cooling
    stored = north.layers.stored + east.layers.stored + south.layers.stored + west.layers.stored + roof.layers.stored + floor.layers.stored +
      east_window.stored + west_window.stored + air.C*(air.T - 0 [degC])
  end
experiment
  time 0..31536000, rtol 1e-6, atol 1e-6
end

model Case600FF extends Hut
end
model Case600 extends Hut(plant = 1)
end
model Case610 extends Case600(window.glass.overhang.depth = 1)
end
model Case620 extends Case600(south_glass = 0)
end
model Case640 extends Case600(T_set = csv("setback.csv", t = "hour" [h], y = "T", outside = repeat))
end
model HeavyHut extends Hut(north.layers : HeavyWall, east.layers : HeavyWall, south.layers : HeavyWall, west.layers : HeavyWall,
  floor.layers : HeavySlab, floor.thickness = 1.007)
end
model Case900FF extends HeavyHut
end
model Case900 extends HeavyHut(plant = 1)
end
model Case910 extends Case900(window.glass.overhang.depth = 1)
end
model Case920 extends Case900(south_glass = 0)
end
model Case940 extends Case900(T_set = csv("setback.csv", t = "hour" [h], y = "T", outside = repeat))
end
