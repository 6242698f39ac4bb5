model Rod
  const N = 3
  param L = 1
  const M = N + 1
  var T[M] start (20 + i for i in 1..M)
  var q[N]
equations
  q = T[2..M] - T[1..N]
  der(T[1]) = q[1]
  for i in 2..N
    der(T[i]) = q[i] - q[i-1]
  end
  der(T[M]) = -q[N]
end
model Two
  part a : Rod(N = 5)
  part b[2] : Rod(L = 2)
  const K = 4
  part c : Rod(N = K)
end
