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
model Ladder
  const N = 5
  part src : VoltageStep(V = 1)
  part r[N] : Resistor(R = {1, 2, 3, 4, 5})
  part c[N] : Capacitor(C = (1e-6*i for i in 1..N), v start (0.1*i for i in 1..N))
  part gnd : Ground
equations
  connect src.p, r[1].p
  connect src.n, gnd.p
  for i in 1..N
    connect r[i].n, c[i].p
    connect c[i].n, gnd.p
  end
  for i in 1..N-1
    connect r[i].n, r[i+1].p
  end
end
