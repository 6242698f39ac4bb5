from electrical import Resistor, Capacitor, Ground, VoltageStep
import thermal
model M "mix"
  part src : VoltageStep(V = 5)
  part r   : Resistor(R = 1 [kohm])
  part c   : Capacitor(C = 1 [uF], v start 1)
  part gnd : Ground
  part body : thermal.HeatCapacitor(C = 2 [kJ/K], T start 20 [degC])
  part src_heat : thermal.PrescribedHeatFlow(Q = r.v*r.i)
equations
  connect src.p, r.p
  connect r.n, c.p
  connect c.n, src.n, gnd.p
  connect src_heat.port, body.port
end
