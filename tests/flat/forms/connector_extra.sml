connector Fluid
  potential p [Pa]
  flow m [kg/s]
end
model Tank
  port in_ : Fluid
  port out : Fluid
  param A = 1 [m^2]
  var h [m] start 1
equations
  1000 [kg/m^3]*A*der(h) = in_.m + out.m
  in_.p = 1e5 [Pa]
  out.p = 1e5 [Pa] + 1000 [kg/m^3]*9.81 [m/s^2]*h
end
model Pipe
  port a : Fluid
  port b : Fluid
  param k = 1e-6
equations
  a.m = k*(a.p - b.p)
  a.m + b.m = 0
end
model Sys
  const N = 4
  part t[N] : Tank(h start (i for i in 1..N))
  part p[N-1] : Pipe
equations
  for i in 1..N-1
    connect t[i].out, p[i].a
    connect p[i].b, t[i+1].in_
  end
end
