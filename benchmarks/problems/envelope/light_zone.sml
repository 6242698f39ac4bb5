# A light zone after case 600 of ASHRAE 140 with films of constant coefficients, so that its equations are explicit: what
# a surrogate of a week is made of (`python -m benchmarks weeks`). A steep controller heats and cools it. SI, no units.
from zone import Conduction

model Wall extends Conduction(T start 288.15) "with films of constant coefficients"
  input T_in = 293.15
  input T_out = 273.15
  input h_out = 20
  input sun = 0
equations
  q[1] = (T_in - T[1])/(1/8.29 + d[1]/(4*k[1]))
  q[7] = (T[6] - T_out - 0.6*sun/h_out)/(1/h_out + d[3]/(4*k[3]))
end
model LightZone "a zone in the weather, heated below 20 and cooled above 27 degC"
  param K = 20e3
  param U_glass = 3 in 1.5..5
  input T_out = 273.15
  input h_out = 20
  input sun_north = 0
  input sun_east = 0
  input sun_south = 0
  input sun_west = 0
  input sun_roof = 0
  input sun_glass = 0
  input gains = 200
  var T start 293.15
  var T_floor start 291.15
  var Q_heat
  var Q_cool
  part north : Wall(area = 21.6, T_in = T, T_out = T_out, h_out = h_out, sun = sun_north)
  part east : Wall(area = 16.2, T_in = T, T_out = T_out, h_out = h_out, sun = sun_east)
  part south : Wall(area = 9.6, T_in = T, T_out = T_out, h_out = h_out, sun = sun_south)
  part west : Wall(area = 16.2, T_in = T, T_out = T_out, h_out = h_out, sun = sun_west)
  part roof : Wall(area = 48, d = {0.010, 0.1118, 0.019}, T_in = T, T_out = T_out, h_out = h_out, sun = sun_roof)
equations
  48*0.025*650*1200*der(T_floor) = 48*8.29*(T - T_floor) + 0.7*sun_glass - 48*0.04/1.003*(T_floor - 283.15)
  Q_heat = K*max(0, 293.15 - T)
  Q_cool = K*max(0, T - 300.15)
  129.6*0.98*1005*der(T) = 21.6*north.q[1]*(-1) - 16.2*east.q[1] - 9.6*south.q[1] - 16.2*west.q[1] - 48*roof.q[1] +
    48*8.29*(T_floor - T) + 12*U_glass*(T_out - T) + 0.3*sun_glass +
    0.5*129.6*0.98*1005/3600*(T_out - T) + gains + Q_heat - Q_cool
experiment
  time 0..604800, rtol 1e-6, atol 1e-6
end
