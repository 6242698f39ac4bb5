model A
  const n = 3
  param K[n, n] = {{-2, 1, 0}, {1, -2, 1}, {0, 1, -2}}
  param u0[n] = {1, 0, 0}
  var x[n] start u0
  var y[n, n]
equations
  for i in 1..n
    der(x[i]) = sum(K[i, j]*x[j] for j in 1..n)
  end
  y = 2*K
end
