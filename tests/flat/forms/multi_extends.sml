connector Pin
  potential v [V]
  flow      i [A]
end
partial model TwoPin
  port p : Pin
  port n : Pin
  var v [V]
  var i [A]
equations
  v = p.v - n.v
  i = p.i
  p.i + n.i = 0
end
model Resistor extends TwoPin
  param R = 1e3 [ohm]
equations
  v = R*i
end
model Capacitor extends TwoPin
  param C = 1e-6 [F]
  var q [C]
equations
  i = C*der(v)
  q = C*v
end
model VoltageStep extends TwoPin
  param V = 1 [V]
  param at = 0 [s]
equations
  v = if time < at then 0 else V
end
model Ground
  port p : Pin
equations
  p.v = 0
end
partial model Thermal
  var T [K] start 300
  param Cth = 10 [J/K]
equations
  Cth*der(T) = 0
end
model HotR extends TwoPin, Thermal(Cth = 5)
  param R = 1 [ohm]
equations
  v = R*(1 + 0.004*(T - 300))*i
end
model Main
  part r : HotR(R = 2)
  part s : VoltageStep
  part g : Ground
equations
  connect s.p, r.p
  connect s.n, r.n, g.p
end
