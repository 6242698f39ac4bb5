model A
  real y0 = 3
  var y(start = 2)
  var z[3](each start = 1)
  param k(unit = "1/s") = 3
  input u(start = 2)
  var w(t) = 4
  param a = 1 in [0, 5]
  param b = 1 in {0, 5}
  param c = 1 in 0:5
  param d = 1 (0..5)
  state s = 1
  init v = 2
  x(0) = 1
  Real p(start = 1), q(start = 2)
  annotation(experiment(StopTime=10, Tolerance=1e-6))
equations
  D(y) ~ -k*y
  k ~ lognormal(0, 1)
  d/dt z = -z
  species S1 = 10
  var late = 3
experiment
  time 0:10
end
