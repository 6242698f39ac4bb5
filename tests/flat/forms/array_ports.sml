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
model Bus
  const N = 3
  port pins[N] : Pin
  port common : Pin
  param G = 0.1 [S]
equations
  for i in 1..N
    pins[i].i = G*(pins[i].v - common.v)
  end
  common.i + sum(pins[i].i for i in 1..N) = 0
end
model Main
  part b : Bus(N = 4, G = 2)
  part c[4] : Capacitor(v start {1, 2, 3, 4})
  part g : Ground
equations
  connect b.pins, c.p
  for i in 1..4
    connect c[i].n, g.p
  end
  connect b.common, g.p
end
