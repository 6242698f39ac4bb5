model Sum "a sum of many terms is a total, not a long template"
  const N = 12
  var x[N] start 1
  output mean
equations
  for i in 1..N
    der(x[i]) = -i*x[i]
  end
  mean = sum(x)/N
end
