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
model RC2 extends TwoPin
  part r : Resistor(R = 10)
  part c : Capacitor(C = 1e-3, v start 1)
equations
  connect p, r.p
  connect r.n, c.p
  connect c.n, n
end
model Sub extends RC2(r.R = 5, c.C = 2e-3, c.v start 3)
end
model Main
  part s : Sub
  part g : Ground
  part src : VoltageStep
equations
  connect src.p, s.p
  connect src.n, s.n, g.p
end
