model M
  const N = 3
  var T[N, N] start 0
equations
  for i in 1..N
    for i in 1..N
      der(T[i, i]) = 1
    end
  end
end
