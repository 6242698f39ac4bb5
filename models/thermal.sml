# Heat. A heat flow is positive into a part. Parts between two ports are called with `a` and `b`; their `Q` goes from a to b.
# Temperatures are absolute: `T start 20 [degC]` or `T start 293.15`.
# checked value: the closed form of every part's response, tests/models/test_library.py.

const sigma = 5.670374419e-8 # Stefan-Boltzmann constant, W/(m^2*K^4); CODATA 2018

connector HeatPort "where heat enters"
  potential T [K] "temperature"
  flow      Q [W] "heat flow into the part"
end

partial model TwoPort "a part through which heat goes from a to b and which stores none"
  port a : HeatPort
  port b : HeatPort
  var Q [W]  "heat flow from a to b"
  var dT [K] "temperature of a above that of b"
equations
  dT = a.T - b.T
  Q = a.Q
  a.Q + b.Q = 0
end

model HeatCapacitor "a body of one temperature"
  port port : HeatPort
  param C = 1e3 [J/K] in 1..1e8 "heat capacity"
  var T [K] start 293.15 "temperature"
equations
  port.T = T
  C*der(T) = port.Q
end

model ThermalConductor extends TwoPort "Q = G*dT"
  param G = 1 [W/K] in 1e-3..1e4 "conductance"
equations
  Q = G*dT
end

model ThermalResistor extends TwoPort "dT = R*Q"
  param R = 1 [K/W] in 1e-4..1e3 "resistance"
equations
  dT = R*Q
end

model Convection extends TwoPort "from the surface a to the fluid b"
  param h = 10 [W/(m^2*K)] in 1..1e3 "heat transfer coefficient"
  param area = 1 [m^2] in 0.01..1e3
equations
  Q = h*area*dT
end

model Radiation extends TwoPort "between two grey surfaces, one of which surrounds the other"
  param emissivity = 0.9 in 0.05..1
  param area = 1 [m^2] in 0.01..1e3
equations
  Q = emissivity*sigma*area*(a.T^4 - b.T^4)
end

model FixedTemperature "a body too large to warm up"
  port port : HeatPort
  param T = 293.15 [K] in 250..350 "temperature"
equations
  port.T = T
end

model PrescribedTemperature "temperature driven from outside, or by an equation of the surrounding model"
  port port : HeatPort
  input T = 293.15 [K] "temperature"
equations
  port.T = T
end

model HeatFlow "a constant source of heat"
  port port : HeatPort
  param Q = 100 [W] in 0..1e5 "heat that leaves the source"
equations
  port.Q = -Q
end

model PrescribedHeatFlow "a source of heat driven from outside, or by an equation of the surrounding model"
  port port : HeatPort
  input Q = 0 [W] "heat that leaves the source"
equations
  port.Q = -Q
end

model Thermostat "it is on below T_set - band, off above T_set + band, and in between as it was"
  port port : HeatPort "where it measures, without drawing heat"
  param T_set = 293.15 [K] in 280..310
  param band = 0.5 [K] in 0.1..2
  discrete on = true
  discrete switches = 0 "switches so far"
equations
  port.Q = 0
  when port.T > T_set + band
    on := false
    switches := switches + 1
  elsewhen port.T < T_set - band
    on := true
    switches := switches + 1
  end
end
model TemperatureSensor "temperature without drawing heat"
  port port : HeatPort
  var T [K] "reading"
equations
  T = port.T
  port.Q = 0
end

model HeatFlowSensor "heat flow from a to b without a temperature drop"
  port a : HeatPort
  port b : HeatPort
  var Q [W] "reading"
equations
  a.T = b.T
  a.Q + b.Q = 0
  Q = a.Q
end

model LayeredWall "a plane wall of several layers from a to b; one temperature in the middle of each"
  const layers = 3
  port a : HeatPort
  port b : HeatPort
  param area = 10 [m^2] in 1..100
  param thickness[layers] [m] = {0.15, 0.12, 0.1}           "of each layer, from a to b"
  param conductivity[layers] [W/(m*K)] = {1.7, 0.04, 0.7}   "default: concrete, insulation, brick"
  param density[layers] [kg/m^3] = {2300, 30, 1800}
  param specific_heat[layers] [J/(kg*K)] = {900, 1000, 840}
  param half[layers] [K/W] = (0.5*thickness[k]/(conductivity[k]*area) for k in 1..layers) "resistance of half a layer"
  param C[layers] [J/K] = (density[k]*specific_heat[k]*thickness[k]*area for k in 1..layers) "heat capacities"
  var T[layers] [K] start 293.15 "temperature in the middle of each layer"
  var Q[layers + 1] [W]          "heat flow into each layer; the last one leaves through b"
equations
  Q[1] = (a.T - T[1])/half[1]
  for k in 2..layers
    Q[k] = (T[k-1] - T[k])/(half[k-1] + half[k])
  end
  Q[layers + 1] = (T[layers] - b.T)/half[layers]
  for k in 1..layers
    C[k]*der(T[k]) = Q[k] - Q[k+1]
  end
  a.Q = Q[1]
  b.Q = -Q[layers + 1]
end
