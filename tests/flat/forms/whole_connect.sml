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
model Par
  const N = 3
  part src : VoltageStep(V = 1)
  part r[N] : Resistor(R = 5)
  part gnd[N] : Ground
  part c[N] : Capacitor
  part g0 : Ground
equations
  connect r.n, c.p
  connect c.n, gnd.p
  connect r.p, src.p
  connect src.n, g0.p
end
