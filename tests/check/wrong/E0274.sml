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
  expect x at 1 == 0.5
  expect x at 1 != 0.5
  expect x at 1 < 0.5 within 1e-3
  expect x at 1 = 0 within 1e-3
  expect T at 1 = 0 [degC] within 1e-3
  expect T at 1 = 20 within 0.1 [m]
  expect x at 1 = 0.5 within -1
  expect x at 1 = 0.5 within k
  expect x at 1 = 0.5 within x
  expect T at 1 = 20 within 0.5 [degC]
end
