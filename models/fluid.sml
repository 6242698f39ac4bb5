# Incompressible flow in pipes and open tanks. A volume flow is positive into a part. Parts between two ports: `q` goes
# from `a` to `b`. The laws of flow are smooth through zero, so that no model needs an event where a flow turns round.
# checked value: the closed form of every part's response, tests/models/test_library.py.

import translational

connector Port "end of a pipe"
  potential p [Pa]    "absolute pressure"
  flow      q [m^3/s] "volume flow into the part"
end

partial model TwoPort "a part that stores no fluid"
  port a : Port
  port b : Port
  var q [m^3/s] "volume flow from a to b"
  var dp [Pa]   "pressure of a above that of b"
equations
  dp = a.p - b.p
  q = a.q
  a.q + b.q = 0
end

# x/sqrt(|x|), but smooth around zero.
function signed_root(x, small) = x/(x^2 + small^2)^0.25

model Boundary "a reservoir of constant pressure"
  port port : Port
  param p = 101325 [Pa] in 5e4..1e7 "pressure"
equations
  port.p = p
end

model FlowSource "a constant flow out of the source"
  port port : Port
  param q = 1e-3 [m^3/s] in 0..1 "volume flow"
equations
  port.q = -q
end

model PrescribedFlow "a flow out of the source, driven from outside"
  port port : Port
  input q = 0 [m^3/s] "volume flow"
equations
  port.q = -q
end

model Tank "an open tank: filled from above, drained at the bottom"
  port inlet  : Port "above the surface"
  port outlet : Port "at the bottom"
  param area = 1 [m^2] in 0.01..100
  param density = 1000 [kg/m^3] in 500..1500
  param gravity = 9.80665 [m/s^2]
  param p_ambient = 101325 [Pa]
  var level [m] start 1 "height of the surface above the bottom"
equations
  area*der(level) = inlet.q + outlet.q
  inlet.p = p_ambient
  outlet.p = p_ambient + density*gravity*level
end

model Valve extends TwoPort "turbulent: the flow goes with the root of the pressure difference"
  param q_nominal = 1e-3 [m^3/s] in 1e-6..1 "flow at the nominal pressure difference, fully open"
  param dp_nominal = 1e4 [Pa] in 1e2..1e6   "nominal pressure difference"
  param small = 1e-3 in 1e-6..0.1           "fraction of dp_nominal below which the flow is laminar"
  input opening = 1                         "0 is shut, 1 is open"
equations
  q = q_nominal*opening*signed_root(dp/dp_nominal, small)
end

model Pipe extends TwoPort "laminar and turbulent friction, no inertia"
  param length = 10 [m] in 0.1..1e4
  param diameter = 0.05 [m] in 1e-3..2
  param density = 1000 [kg/m^3] in 500..1500
  param viscosity = 1e-3 [Pa*s] in 1e-5..1
  param friction = 0.02 in 0.005..0.1 "Darcy's friction factor when turbulent"
  param laminar = 128*viscosity*length/(pi*diameter^4)                 "Hagen-Poiseuille"
  param turbulent = 8*friction*length*density/(pi^2*diameter^5)        "Darcy-Weisbach"
equations
  dp = laminar*q + turbulent*q*abs(q)
end

model InertialPipe extends TwoPort(q start 0) "as Pipe, and its column of fluid has inertia: the flow is a state"
  param length = 10 [m] in 0.1..1e4
  param diameter = 0.05 [m] in 1e-3..2
  param density = 1000 [kg/m^3] in 500..1500
  param viscosity = 1e-3 [Pa*s] in 1e-5..1
  param friction = 0.02 in 0.005..0.1 "Darcy's friction factor when turbulent"
  param laminar = 128*viscosity*length/(pi*diameter^4)                 "Hagen-Poiseuille"
  param turbulent = 8*friction*length*density/(pi^2*diameter^5)        "Darcy-Weisbach"
  param inertance = 4*density*length/(pi*diameter^2)
equations
  dp = inertance*der(q) + laminar*q + turbulent*q*abs(q)
end

model Pump extends TwoPort "centrifugal pump from a to b with a parabolic curve that scales with its speed"
  param dp_max = 2e5 [Pa] in 1e3..1e7      "pressure rise without flow at full speed"
  param q_max = 5e-3 [m^3/s] in 1e-6..10   "flow without pressure rise at full speed"
  param linear = 0.02 in 0.001..0.5        "part of the resistance that goes with q, the rest with its square"
  input speed = 1                          "fraction of full speed"
equations
  -dp = dp_max*(speed^2 - q/q_max*(linear + (1 - linear)*abs(q)/q_max))
end

model Cylinder "a piston that moves with a rod: the fluid pushes it out"
  port port : Port "chamber"
  port rod : translational.Flange
  param area = 1e-3 [m^2] in 1e-5..1
  param p_ambient = 101325 [Pa]
equations
  port.q = area*rod.v
  rod.f = -area*(port.p - p_ambient)
end
model PressureSensor "pressure without drawing a flow"
  port port : Port
  var p [Pa] "reading"
equations
  p = port.p
  port.q = 0
end

model FlowSensor "volume flow from a to b without a pressure drop"
  port a : Port
  port b : Port
  var q [m^3/s] "reading"
equations
  a.p = b.p
  a.q + b.q = 0
  q = a.q
end
