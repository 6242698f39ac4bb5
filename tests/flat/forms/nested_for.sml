model Tri
  const N = 4
  var x[N, N] start 0
equations
  for i in 1..N
    for j in 1..i
      der(x[i, j]) = i - j - x[i, j]
    end
    for j in i+1..N
      x[i, j] = x[j, i] + sum(x[k, k] for k in 1..i)
    end
  end
end
