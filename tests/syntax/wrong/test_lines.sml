model M
  var x start 1
equations
  der(x) = -x
end

test "a" of M
  expct x = 1
  assert x == 1
  x = 1
  param k = 1
  set x := 1
  set k
  set k = 1 x = 2
  simulate 0..10
  expect x at t = 10 = 1
  expect x at 10
  expect x > 1 and x < 2
  expect 1 < x < 2
  expect x in 1..2
  expect max(x) over time < 3
  expect x at +1 = 2
  expect x at 5 approx 2
  expect x at 3 = 2 within
  expect x = 2 tol 1e-3
end
