model M
  var x[3] start 1
equations
  for i in 1..2.5
    der(x[i]) = -x[i]
  end
end
