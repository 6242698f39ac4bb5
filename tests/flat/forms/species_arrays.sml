model Poly
  const N = 5
  param k = 1
  var M start 1
  var P[N] start (if i == 1 then 0.1 else 0 for i in 1..N)
reactions
  for i in 1..N-1
    P[i] + M -> P[i+1] @ k
  end
  for i in 1..N, j in 1..N
    P[i] + P[j] -> 0 @ k*0.1
  end
end
