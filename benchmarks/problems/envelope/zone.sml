# A light zone after case 600 of ASHRAE 140, and a building of N of them in a row. Ten inputs are what the weather does;
# films and glass are simpler than the case's, so its figures are near those published, not meant to be inside.
# geometry and materials: ASHRAE 140-2020, case 600

const sigma = 5.670374e-8

model Conduction "heat through three layers of two cells each, from inside; the films on either side give the outer flows"
  param area = 10
  param d[3] = {0.012, 0.066, 0.009}          "thickness"
  param k[3] = {0.16, 0.04, 0.14}             "conductivity"
  param c[3] = {950*840, 12*840, 530*900}     "heat capacity per volume"
  var T[6] start 293.15
  var q[7]                                    "heat flow density outwards"
equations
  q[2] = 2*k[1]/d[1]*(T[1] - T[2])
  q[3] = (T[2] - T[3])/(d[1]/(4*k[1]) + d[2]/(4*k[2]))
  q[4] = 2*k[2]/d[2]*(T[3] - T[4])
  q[5] = (T[4] - T[5])/(d[2]/(4*k[2]) + d[3]/(4*k[3]))
  q[6] = 2*k[3]/d[3]*(T[5] - T[6])
  for i in 1..6
    0.5*d[1 + floor((i - 1)/2)]*c[1 + floor((i - 1)/2)]*der(T[i]) = q[i] - q[i+1]
  end
end

model Layers extends Conduction "with a film of radiation and convection on either side"
  param h_in = 3.16                           "convection inside"
  param view = 0.5                            "of the sky"
  input T_air = 293.15
  input T_rad = 293.15                        "mean radiant temperature of the room"
  input T_out = 283.15
  input T_sky = 273.15
  input h_out = 20
  input sun = 0                               "on the outside [W/m2]"
  input sun_in = 0                            "on the inside [W/m2]"
  var inner guess 293.15                      "surface temperatures"
  var outer guess 283.15
equations
  q[1] = h_in*(T_air - inner) + 5.13*(T_rad - inner) + sun_in
  q[1] = 4*k[1]/d[1]*(inner - T[1])
  q[7] = 4*k[3]/d[3]*(T[6] - outer)
  q[7] = h_out*(outer - T_out) + 0.9*sigma*(view*(outer^4 - T_sky^4) + (1 - view)*(outer^4 - T_out^4)) - 0.6*sun
end

model Zone
  param K = 20e3        "W per kelvin outside of the set points"
  param T_heat = 293.15
  param T_cool = 300.15
  param volume = 129.6
  param U_glass = 3.4   "from the inner face of the glass to the outside"
  input T_out = 273.15
  input T_sky = 263.15
  input h_out = 20
  input sun_north = 0
  input sun_east = 0
  input sun_south = 0
  input sun_west = 0
  input sun_roof = 0
  input sun_glass = 0   "through the windows [W]"
  input gains = 200
  var T start 293.15    "air"
  var T_rad guess 293.15
  var T_glass guess 283.15
  var T_floor start 293.15
  var s_floor guess 293.15 "surface of the floor"
  var Q_heat
  var Q_cool
  var heating start 0 "J"
  var cooling start 0
  var Q_next          "from neighbours"
  part north : Layers(area = 21.6, T_air = T, T_rad = T_rad, T_out = T_out, T_sky = T_sky, h_out = h_out,
    sun = sun_north, sun_in = 0.3*sun_glass/159.6)
  part east : Layers(area = 16.2, T_air = T, T_rad = T_rad, T_out = T_out, T_sky = T_sky, h_out = h_out,
    sun = sun_east, sun_in = 0.3*sun_glass/159.6)
  part south : Layers(area = 9.6, T_air = T, T_rad = T_rad, T_out = T_out, T_sky = T_sky, h_out = h_out,
    sun = sun_south, sun_in = 0.3*sun_glass/159.6)
  part west : Layers(area = 16.2, T_air = T, T_rad = T_rad, T_out = T_out, T_sky = T_sky, h_out = h_out,
    sun = sun_west, sun_in = 0.3*sun_glass/159.6)
  part roof : Layers(area = 48, d = {0.010, 0.1118, 0.019}, view = 1, T_air = T, T_rad = T_rad, T_out = T_out,
    T_sky = T_sky, h_out = h_out, sun = sun_roof, sun_in = 0.3*sun_glass/159.6)
equations
  # Long waves are shared through one mean temperature.
  (21.6 + 16.2 + 9.6 + 16.2 + 48 + 48 + 12)*T_rad = 21.6*north.inner + 16.2*east.inner + 9.6*south.inner +
    16.2*west.inner + 48*roof.inner + 48*s_floor + 12*T_glass
  3.16*(T - T_glass) + 5.13*(T_rad - T_glass) = U_glass*(T_glass - T_out)
  48*(3.16*(T - s_floor) + 5.13*(T_rad - s_floor)) + 0.7*sun_glass = 48*2*0.14/0.025*(s_floor - T_floor)
  48*0.025*650*1200*der(T_floor) = 48*2*0.14/0.025*(s_floor - T_floor) - 48*0.04/1.003*(T_floor - 283.15)
  Q_heat = K*max(0, T_heat - T)
  Q_cool = K*max(0, T - T_cool)
  volume*0.98*1005*der(T) = 3.16*(21.6*(north.inner - T) + 16.2*(east.inner - T) + 9.6*(south.inner - T) +
    16.2*(west.inner - T) + 48*(roof.inner - T) + 48*(s_floor - T) + 12*(T_glass - T)) +
    0.5*volume*0.98*1005/3600*(T_out - T) + gains + Q_heat - Q_cool + Q_next
  der(heating) = Q_heat
  der(cooling) = Q_cool
end

model House "one zone"
  input T_out = 273.15
  input T_sky = 263.15
  input h_out = 20
  input sun_north = 0
  input sun_east = 0
  input sun_south = 0
  input sun_west = 0
  input sun_roof = 0
  input sun_glass = 0
  input gains = 200
  part zone : Zone(T_out = T_out, T_sky = T_sky, h_out = h_out, sun_north = sun_north, sun_east = sun_east,
    sun_south = sun_south, sun_west = sun_west, sun_roof = sun_roof, sun_glass = sun_glass, gains = gains)
equations
  zone.Q_next = 0
experiment
  time 0..1209600, rtol 1e-6, atol 1e-6
end

model Building "N zones in a row, of different use, with walls between them"
  const N = 10
  param G = 30 "conductance between neighbours"
  input T_out = 273.15
  input T_sky = 263.15
  input h_out = 20
  input sun_north = 0
  input sun_east = 0
  input sun_south = 0
  input sun_west = 0
  input sun_roof = 0
  input sun_glass = 0
  input gains = 200
  part zones[N] : Zone(T_heat = (293.15 - mod(i, 3) for i in 1..N), volume = (129.6*(1 + mod(i, 4)/8) for i in 1..N),
    T_out = T_out, T_sky = T_sky, h_out = h_out, sun_north = sun_north, sun_east = sun_east, sun_south = sun_south,
    sun_west = sun_west, sun_roof = sun_roof, sun_glass = sun_glass, gains = gains)
equations
  for i in 1..N
    zones[i].Q_next = (if i == 1 then 0 else G*(zones[max(i - 1, 1)].T - zones[i].T)) +
      (if i == N then 0 else G*(zones[min(i + 1, N)].T - zones[i].T))
  end
experiment
  time 0..1209600, rtol 1e-6, atol 1e-6
end
