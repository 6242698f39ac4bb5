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
model Heater extends Resistor(R = 50) "hot"
  var P [W]
equations
  P = v*i
end
model Cell
  param R = 1 [ohm]
  part r : Resistor(R = R)
  part s : Resistor(R = 2*R)
  port p : Pin
  port n : Pin
equations
  connect p, r.p
  connect r.n, s.p
  connect s.n, n
end
model Rack
  const N = 2
  part cell : Cell
  port p : Pin
  port n : Pin
equations
  connect p, cell.p
  connect cell.n, n
end
model Main
  part a : Rack(cell.R = 2)
  part b : Rack(cell.r.R = 3, cell.s.R = 4)
  part racks[3] : Rack(cell.R = {1, 2, 3})
  part h : Heater
  part src : VoltageStep(V = 1)
  part g : Ground
  output y = a.cell.r.v + b.cell.s.v*2
  output w = sum(racks[i].cell.r.i for i in 1..3)
equations
  connect src.p, a.p, b.p, h.p
  connect src.n, g.p, a.n, b.n, h.n
  for i in 1..3
    connect racks[i].p, src.p
    connect racks[i].n, g.p
  end
end
