# A room's air, what exchanges it, what heats and cools it, and walls, roofs and floors made of the parts of `building.walls`.
# source: the parts are balances; a wall's films are told in building/walls.sml.
# checked value: the heat that air exchange takes, by hand.

from thermal import HeatCapacitor, HeatPort, PrescribedHeatFlow, ThermalConductor
from building.sky import Climate, Irradiance, Outdoors, Weather
from building.walls import Construction, Inside, InsideFilm, LightPort, OutsideFilm

const c_air = 1006 # heat capacity of air, J/(kg*K)

model SunPatch "where the sun's beam falls first; what it does not absorb spreads through the room"
  port beam : LightPort
  port surface : HeatPort
  port light : LightPort
  param area = 48 [m^2] in 1..1000
  param absorptance = 0.6 in 0..1
equations
  beam.Q = area*beam.J
  surface.Q = -absorptance*beam.Q
  light.Q = -(1 - absorptance)*beam.Q
end

model OuterWall "a wall or roof between a room and the climate"
  port climate : Climate
  port room : Inside
  param area = 10 [m^2] in 1..100
  param tilt = 90 [deg] in 0..180       "from lying face up"
  param azimuth = 0 [deg] in -180..180  "south is 0, west 90"
  param height = 1.35 [m] in 1..100     "above the ground, where the wind is felt"
  param absorptance = 0.6 in 0..1       "of sunlight, on both faces"
  param enclosure = 171.6 [m^2] in 10..1e4 "area of all faces of the room"
  part sun : Irradiance(tilt = tilt, azimuth = azimuth)
  part absorbed : PrescribedHeatFlow(Q = area*absorptance*sun.total)
  part outside : OutsideFilm(area = area, tilt = tilt, azimuth = azimuth, height = height)
  part layers : Construction(area = area)
  part inside : InsideFilm(area = area, up = -cos(tilt), absorptance = absorptance, enclosure = enclosure)
  output entered [W] = layers.outside.Q "heat from outside"
equations
  connect climate, sun.climate, outside.climate
  connect layers.outside, outside.surface, absorbed.port
  connect layers.inside, inside.surface
  connect inside.air, room.air
  connect inside.radiant, room.radiant
  connect inside.light, room.light
end

model TimberFloor extends Construction(layers = 1, thickness = {0.025}, conductivity = {0.14}, density = {650}, specific_heat = {1200})
end

model Floor "on insulation without mass above outdoor air or ground; the sun's beam falls on it first"
  port below : HeatPort
  port room : Inside
  port beam : LightPort
  param area = 48 [m^2] in 1..1000
  param absorptance = 0.6 in 0..1
  param enclosure = 171.6 [m^2] in 10..1e4 "area of all faces of the room"
  param thickness = 1.003 [m] in 0.01..2   "of the insulation"
  param conductivity = 0.04 [W/(m*K)] in 0.01..1
  part inside : InsideFilm(area = area, up = 1, absorptance = absorptance, enclosure = enclosure)
  part patch : SunPatch(area = area, absorptance = absorptance)
  part layers : TimberFloor(area = area)
  part insulation : ThermalConductor(G = area*conductivity/thickness)
equations
  connect layers.outside, insulation.a
  connect insulation.b, below
  connect inside.air, room.air
  connect inside.radiant, room.radiant
  connect inside.light, patch.light, room.light
  connect inside.surface, patch.surface, layers.inside
  connect patch.beam, beam
end

model AirExchange "infiltration, or ventilation by a schedule, of outdoor air"
  port air : HeatPort
  port climate : Climate
  param volume = 129.6 [m^3] in 10..1e4
  input changes = 0.5 [1/h] "of the room's air"
  output Q [W] = -air.Q     "heat from outside"
equations
  air.Q = volume*changes*climate.density*(1 [J/(kg*K)]*c_air)*(air.T - climate.T_out)
end

model Gains "of people and things"
  port room : Inside
  input Q = 200 [W]
  param radiative = 0.6 in 0..1
equations
  room.air.Q = -(1 - radiative)*Q
  room.radiant.Q = -radiative*Q
  room.light.Q = 0
end

model IdealPlant "heats the air below one temperature, and cools it above another, without limit; K is how steeply"
  port air : HeatPort
  param K = 1e5 [W/K] in 0..1e7
  input T_heat = 20 [degC]
  input T_cool = 27 [degC]
  var heating [W]
  var cooling [W]
  var heat [MWh] start 0 nominal 1 "for heating so far"
  var cold [MWh] start 0 nominal 1 "for cooling so far"
equations
  heating = K*max(T_heat - air.T, 0 [K])
  cooling = K*max(air.T - T_cool, 0 [K])
  air.Q = cooling - heating
  der(heat) = heating
  der(cold) = cooling
end

model Tent "heated air behind leaking cloth, for tests"
  input weather : Weather
  part outdoors : Outdoors(weather = weather)
  part air : HeatCapacitor(C = 1.3e5, T start 290)
  part leak : AirExchange
  part plant : IdealPlant
  param G [W/K] = 129.6 [m^3]*0.5 [1/h]*(83000/287.055/273.15*1 [kg/m^3])*(1006 [J/(kg*K)])
equations
  connect outdoors.climate, leak.climate
  connect air.port, leak.air, plant.air
end

test "what leaks is heated" of Tent
  set weather.middle = 8692200, weather.latitude = 39.83, weather.longitude = -104.65, weather.time_zone = -7, weather.direct = 700,
    weather.diffuse = 150, weather.T_out = 0, weather.pressure = 83000, weather.infrared = 250, weather.wind_speed = 3, weather.wind_direction = 0
  simulate time 0..100000
  expect plant.heating at 100000 = G*20 [K]/(1 + G/plant.K) within 1e-5
end
