model S
  const N = 12
  var x[N] start (i for i in 1..N)
  var s
  var p
  var lo
  var hi
  var m
  var t
equations
  der(x) = -x
  s = sum(x[i]*i for i in 1..N)
  p = prod(1 + x[i] for i in 1..3)
  lo = min(x)
  hi = max(x[i] for i in 2..N-1)
  m = sum(x)/N + max(x[1], x[2], 3) + min(1, x[3])
  t = sum(sum(x[i]*x[j] for j in 1..i) for i in 1..4) + sum(x[i]*x[j] for i in 1..3, j in 1..2)
end
