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
  simulate time 0..1, tol 3, rtol N, time 3..1
  expect x < 1
end
