model M
  const N = 0
  var x[N] start 0
  var y start 1
equations
  der(y) = min(x[i] for i in 1..N)
end
