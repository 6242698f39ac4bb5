model Decay
  const N = 2
  param k = 2 [1/s]
  input u = 0
  var x start 1
  var T [degC] start 20
  var w[N] start 1
  output y = 2*x
equations
  der(x) = -k*x
  der(T) = -k*(T - 10 [degC])
  for i in 1..N
    der(w[i]) = -k*w[i]
  end
experiment
  time 0..3
end

test "a"
  set k = x at 3
  expect w = 1 within 1e-3
  expect w at 1 < 2
  expect sum(w[i] at 1 for i in 1..N) < 2
  expect sqrt(x over 0..1) < 1
  expect max(x over 2) < 1
  expect max(x over 2..1) < 1
  expect x at (x at 1) < 1
  expect max(x at 1 over time) < 1
  expect x at N < 1
  expect x at (2 [m]) < 1
  expect max(x over time) < sum(w[i] for i in 1..N)
  expect der(T) at 1 < 5 [K]
  expect T at 1 = 5 [m] within 1e-3
  expect qq at 1 = 5 within 1e-3
end
