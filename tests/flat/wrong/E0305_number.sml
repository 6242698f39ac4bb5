model M
  param w[3] = {1, 2, 3}
  var x[2] start 1
equations
  for i in 1..2
    der(x[i]) = sum(w[j]*x for j in 1..3)
  end
end
