model Grid
  const N = 6
  const M = 4
  const h = 1/(N - 1)
  param D = 0.1
  var u[N, M] start (sin(pi*i/N)*j for i in 1..N, j in 1..M)
equations
  for i in 1..N, j in 1..M
    der(u[i, j]) = D*((if i > 1 then u[i-1, j] else 0) + (if i < N then u[i+1, j] else 0)
      + (if j > 1 then u[i, j-1] else 0) + (if j < M then u[i, j+1] else 0) - 4*u[i, j])/h^2
  end
end
