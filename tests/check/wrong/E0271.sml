model Decay
  table f(x) = { (0, 1), (10, 5) }
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
  set q = 1, y = 3, x = 2, k start 1, w[3, 1] = 2
  set k = 1, k = 2
  set x start {1, 2}, N = {1, 2}, w start (i for i in 1..N), k = u
  set k = 3 [m]
  set w[N] start 2
  expect x < 2
end

test "b"
  set k = N, T start N
  expect x < 2
end

test "c"
  set f = 3, f.x = 2
  expect f(x) < 2
end
