model M
  param K[2,2] = 1
  var x[2] start 1
equations
  der(x) = K*x
end
