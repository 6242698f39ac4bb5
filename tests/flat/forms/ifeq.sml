model V
  const wall = true
  const N = 4
  var x[N] start 0
equations
  if wall then
    der(x[1]) = 0
  else
    der(x[1]) = -x[1]
  end
  for i in 2..N
    if i == N then
      der(x[i]) = 1
    elseif i > 2 then
      der(x[i]) = 2
    else
      der(x[i]) = 3
    end
  end
end
