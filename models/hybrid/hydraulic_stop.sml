# A piston that oil under pressure pushes out of its cylinder, against its end stop; a force draws it back later.
# checked value: closed form by segments (v goes to v_end with the time constant m/(area^2*laminar)), its instants by
#   bisection.

from fluid import Boundary, Cylinder, Pipe
from translational import PrescribedForce, StoppedMass

model HydraulicStop "a cylinder with an end stop"
  param back = 300 [N] in 200..400 "the force that draws back, from 1.5 s on"
  part supply : Boundary(p = 301325)
  part pipe : Pipe(length = 1, diameter = 0.01, viscosity = 0.3, friction = 0)
  part cylinder : Cylinder(area = 1e-3)
  part piston : StoppedMass(m = 50, s_max = 0.2, e = 0.4, v_rest = 0.02)
  part pull : PrescribedForce
equations
  pull.f = if time < 1.5 then 0 else -back
  connect supply.port, pipe.a
  connect pipe.b, cylinder.port
  connect cylinder.rod, piston.a
  connect piston.b, pull.flange
experiment
  time 0..2
end

test "it bounces twice, rests at the stop, and is drawn back"
  simulate time 0..2, rtol 1e-8
  expect piston.side at 1.4 = 1
  expect piston.v at 1.4 = 0 [m/s] within 1e-12 [m/s]
  expect piston.s at 2 = 0.16244045613211883 [m] within 1e-8
end
