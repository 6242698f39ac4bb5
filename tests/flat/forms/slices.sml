model Sl
  const N = 6
  var x[N] start 1
  var y[4]
equations
  der(x[1]) = 0
  der(x[2..N]) = x[1..N-1] - x[2..N]
  y = x[1..4]*2
end
