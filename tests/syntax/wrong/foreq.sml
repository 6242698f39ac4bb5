model M
  var x[3] start 1
equations
  for i = 1:3
    der(x[i]) = -x[i]
  end
end
