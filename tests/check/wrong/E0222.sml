model M
  const N = 3
  var T[N] start 0
  var x start 1
equations
  der(x) = -x[2]
  for i in 1..N
    der(T[i, 1]) = -T[i]
  end
end
