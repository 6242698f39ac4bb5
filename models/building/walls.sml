# Walls of layers between a room and the climate, and the films on both faces of them. Long waves inside are exchanged through one
# node, whose potential is a radiosity; sunlight inside likewise, so that what a face does not absorb falls on the others.
# source: conduction: finite volumes with nodes on the faces of the layers; convection: Walton, TARP reference manual, NBSIR 83-2655 (1983), by
#   the natural part also outside, and Yazdanian and Klems, ASHRAE Trans. 100 (1994) 1087, for wind, with DOE-2's factor for roughness;
#   long waves: Walton (mean radiant temperature).
# checked value: the resistance of a wall, in the steady state.

from thermal import FixedTemperature, HeatFlowSensor, HeatPort
from building.sky import Climate, Irradiance, sigma

connector RadiantPort "long waves"
  potential E [W/m^2] "radiosity"
  flow      Q [W]     "into the part"
end

connector LightPort "sunlight in a room, spread evenly over its faces; or the sun's beam, on what it falls first"
  potential J [W/m^2] "on a face"
  flow      Q [W]     "into the part"
end

connector Inside "of a room: its air, its long waves, its light"
  port air : HeatPort
  port radiant : RadiantPort
  port light : LightPort
end

function natural(dT, up) "natural convection of a surface dT warmer than the air; up is the cosine of its tilt: 1 faces up, 0 is a wall"
  unstable = 0.5*(1 + tanh(up*dT/0.1 [K]))
  upward = 9.482/(7.283 - abs(up))
  downward = 1.810/(1.382 + abs(up))
  c = if abs(up) < 1e-6 then 1.31 else downward + (upward - downward)*unstable
  return c*(1 [W/(m^2*K)])*((dT/1 [K])^2 + 1e-4)^(1/6)
end

model Construction "plane layers, from the room outwards; a node on each face and between cells"
  const layers = 3
  const cells = 2 "of each layer"
  const nodes = layers*cells + 1
  port inside : HeatPort
  port outside : HeatPort
  param area = 10 [m^2] in 1..100
  param thickness[layers] [m] = {0.012, 0.066, 0.009}
  param conductivity[layers] [W/(m*K)] = {0.16, 0.04, 0.14}
  param density[layers] [kg/m^3] = {950, 12, 530}
  param specific_heat[layers] [J/(kg*K)] = {840, 840, 900}
  param G[layers] [W/K] = (area*cells*conductivity[k]/thickness[k] for k in 1..layers) "conductance of a cell"
  param C[layers] [J/K] = (area*density[k]*specific_heat[k]*thickness[k]/cells for k in 1..layers) "capacity of a cell"
  var T[nodes] [degC] start 20 nominal 10
  var Q[nodes - 1] [W] "outwards"
  output stored [J] = sum(0.5*C[1 + floor((j - 1)/cells)]*((T[j] - 0 [degC]) + (T[j+1] - 0 [degC])) for j in 1..nodes-1)
equations
  for j in 1..nodes-1
    Q[j] = G[1 + floor((j - 1)/cells)]*(T[j] - T[j+1])
  end
  0.5*C[1]*der(T[1]) = inside.Q - Q[1]
  for j in 2..nodes-1
    0.5*(C[1 + floor((j - 2)/cells)] + C[1 + floor((j - 1)/cells)])*der(T[j]) = Q[j-1] - Q[j]
  end
  0.5*C[layers]*der(T[nodes]) = Q[nodes - 1] + outside.Q
  inside.T = T[1]
  outside.T = T[nodes]
end

model OutsideFilm "wind and long waves on the outer face"
  port surface : HeatPort
  port climate : Climate
  param area = 10 [m^2] in 1..100
  param tilt = 90 [deg] in 0..180       "from lying face up"
  param azimuth = 0 [deg] in -180..180  "south is 0, west 90"
  param height = 1.35 [m] in 1..100     "above the ground, where the wind is felt"
  param roughness = 1.67 in 1..2.17     "factor of forced convection: 1 smooth glass, 1.67 rough, 2.17 stucco"
  param emissivity = 0.9 in 0.05..1
  param shelter = 1 in 0..1             "of the wind that is felt: 0 in its shadow"
  param view [1] = (1 + cos(tilt))/2*sqrt((1 + cos(tilt))/2) "of the sky"
  var speed
  var windward                          "1 where the wind blows against the face, 0 in the lee"
  var smooth [W/(m^2*K)]                "convection of smooth glass"
  var calm [W/(m^2*K)]                  "convection without wind"
  var h [W/(m^2*K)]
  var dT [K]
equations
  dT = surface.T - climate.T_out
  speed = max(shelter*climate.wind/1 [m/s]*(height/10 [m])^0.14, 0.01)
  windward = if tilt < 45 [deg] then 1 else smooth_step(-cos(climate.wind_from - azimuth), 0.2)
  calm = natural(dT, cos(tilt))
  smooth = sqrt(calm^2 + (1 [W/(m^2*K)]*(windward*3.26*speed^0.89 + (1 - windward)*3.55*speed^0.617))^2)
  h = calm + roughness*(smooth - calm)
  surface.Q = area*(h*dT + emissivity*(sigma*surface.T^4 - view*climate.infrared - (1 - view)*sigma*climate.T_out^4))
end

model InsideFilm "convection, long waves and sunlight on the inner face"
  port surface : HeatPort
  port air : HeatPort
  port radiant : RadiantPort
  port light : LightPort
  param area = 10 [m^2] in 1..100
  param up = 0 in -1..1                 "cosine of the tilt of the face: 1 a floor, -1 a ceiling"
  param emissivity = 0.9 in 0.05..1
  param absorptance = 0.6 in 0..1       "of sunlight"
  param enclosure = 171.6 [m^2] in 10..1e4 "area of all faces of the room"
  # A face sees all but itself: its resistance to the node of long waves is that of a view factor of one to the others.
  param exchange [1] = 1/((1 - emissivity)/emissivity + 1 - area/enclosure)
  var dT [K]
equations
  dT = surface.T - air.T
  air.Q = -area*natural(dT, up)*dT
  radiant.Q = area*exchange*(radiant.E - sigma*surface.T^4)
  light.Q = area*absorptance*light.J
  surface.Q + air.Q + radiant.Q + light.Q = 0
end

model Slab "a wall between two temperatures, for tests"
  part a : FixedTemperature(T = 293.15)
  part wall : Construction
  part b : FixedTemperature(T = 273.15)
  part meter : HeatFlowSensor
equations
  connect a.port, meter.a
  connect meter.b, wall.inside
  connect wall.outside, b.port
end

test "the sum of the layers' resistances"
  set wall.conductivity = {0.16, 0.04, 0.14}
  simulate time 0..400000, rtol 1e-8
  expect meter.Q = 200 [W*m^2/m^2]/(0.012/0.16 + 0.066/0.04 + 0.009/0.14) within 1e-6
end
