model Loop "a member for each turn"
  const N = 4
  var T[N] start 1
equations
  der(T[1]) = T[2] - T[1]
  for i in 2..N-1
    der(T[i]) = T[i-1] - 2*T[i] + T[i+1]
  end
  der(T[N]) = T[N-1] - T[N]
end
