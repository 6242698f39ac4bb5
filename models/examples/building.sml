# A row of N rooms: each has a wall of several layers and a window to the outside, exchanges heat with its neighbours, is
# warmed by the sun and kept warm by a heat pump. Nothing switches, so the model is smooth and has no events.
# The weather comes in through inputs: mean and swing of the outdoor temperature, cloud cover and peak of the sun.
# checked value: temperatures and power after two days for N = 20, from the same equations in NumPy (tests/models/reference.py,
#   scipy Radau, rtol 1e-10).

from thermal import Convection, HeatCapacitor, HeatPort, LayeredWall, PrescribedHeatFlow, PrescribedTemperature, ThermalConductor

model HeatPump "warms a room; its coefficient of performance falls with the outdoor temperature"
  port room : HeatPort
  param T_set = 20 [degC] in 16..24      "temperature at which it gives half its power"
  param band = 0.5 [K] in 0.1..2         "half-width of the proportional band"
  param Q_max = 1000 [W] in 300..5000    "heat at full power"
  param T_supply = 35 [degC] in 28..55   "temperature of the heating water"
  param efficiency = 0.45 in 0.3..0.6    "fraction of Carnot's coefficient of performance"
  input T_outdoor = 5 [degC]             "temperature of the source"
  var COP          "coefficient of performance"
  var Q [W]        "heat into the room"
  var power [W]    "electric power"
equations
  COP = efficiency*T_supply/(T_supply - T_outdoor)
  Q = Q_max*smooth_step(T_set - room.T, band)
  Q = COP*power
  room.Q = -Q
end

model Room "air and furniture behind a wall and a window"
  port air    : HeatPort "to the neighbours"
  port facade : HeatPort "to the outside"
  param window_area = 3 [m^2] in 1..6
  param wall_area = 9 [m^2] in 5..20
  param window_U = 1.1 [W/(m^2*K)] in 0.6..3   "heat loss of the window"
  param transmittance = 0.55 in 0.2..0.8       "part of the sunlight that the window lets in"
  param ventilation = 20 [W/K] in 5..60        "heat loss by the exchange of air"
  param T_set = 20 [degC] in 16..24
  input T_outdoor = 5 [degC]
  input sun = 0 [W/m^2]                        "sunlight on the facade"
  part inside    : HeatCapacitor(C = 4e5)
  part inner     : Convection(h = 8, area = wall_area)
  part wall      : LayeredWall(area = wall_area)
  part outer     : Convection(h = 20, area = wall_area)
  part window    : ThermalConductor(G = window_U*window_area)
  part vent      : ThermalConductor(G = ventilation)
  part solar     : PrescribedHeatFlow(Q = transmittance*window_area*sun)
  part heat_pump : HeatPump(T_set = T_set, T_outdoor = T_outdoor)
equations
  connect inside.port, inner.a, window.a, vent.a, solar.port, heat_pump.room, air
  connect inner.b, wall.a
  connect wall.b, outer.a
  connect outer.b, window.b, vent.b, facade
end

model Building "a row of rooms under a daily weather"
  const N = 20 "rooms, two or more"
  input T_mean = 3 [degC]         "mean outdoor temperature of the day"
  input T_swing = 5 [K]           "half the difference of its extremes"
  input cloud = 0.3               "cloud cover, 0 to 1"
  input sun_peak = 400 [W/m^2]    "sunlight at noon without clouds"
  param G_partition = 25 [W/K] in 5..100 "conductance between neighbours"
  var T_outdoor [degC]
  var sun [W/m^2]
  part weather : PrescribedTemperature(T = T_outdoor)
  part rooms[N] : Room(T_set = (19 + mod(i, 4) for i in 1..N), window_area = (2 + mod(i, 3) for i in 1..N),
    T_outdoor = T_outdoor, sun = sun)
  part partitions[N-1] : ThermalConductor(G = G_partition)
  output power [kW] = sum(rooms[i].heat_pump.power for i in 1..N) "electric power of all heat pumps"
  output T_rooms [degC] = sum(rooms[i].inside.T for i in 1..N)/N  "mean temperature of the rooms"
equations
  # Coldest at three in the morning; the sun shines from six to eighteen.
  T_outdoor = T_mean - T_swing*cos(2*pi*(time - 3 [h])/24 [h])
  sun = sun_peak*(1 - 0.75*cloud)*max(0, -cos(2*pi*time/24 [h]))^2
  for i in 1..N
    connect rooms[i].facade, weather.port
  end
  for i in 1..N-1
    connect rooms[i].air, partitions[i].a
    connect partitions[i].b, rooms[i+1].air
  end
experiment
  time 0..2 [d], rtol 1e-6, atol 1e-6
end

test "end values by scipy"
  expect rooms[1].inside.T = 293.178527753615 within 1e-4
  expect rooms[20].inside.T = 292.2516850372973 within 1e-4
  expect rooms[2].wall.T[3] = 277.1845672216545 within 1e-4
  expect power = 2.6106874518620096 within 1e-4
  expect T_rooms = 20.49026246430401 within 1e-4
end
