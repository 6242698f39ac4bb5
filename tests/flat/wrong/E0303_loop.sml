model M
  const N = 3
  var x[N] start 0
equations
  for i in 1..N
    der(x[i]) = x[i+1] - x[i]
  end
end
