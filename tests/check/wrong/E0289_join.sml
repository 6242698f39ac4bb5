connector Pin
  potential v
  flow i
end

model Layer
  param L = 1 [m]
  param D = 1 [m^2/s]
  param eps = 0.3
  port p : Pin
  field c(x) over 0..L cells 20 start 1
  field d(x) over 0..L cells 20 start 1
equations
  der(c) = div(D*grad(c))/eps
  der(d) = -d
  p.i = 0
end

model Wrong
  part a : Layer
  part b : Layer
equations
  connect a.c at L, b.c at 0
  connect a.d at L, b.d at 0
  connect a.p, b.d at 0
end
