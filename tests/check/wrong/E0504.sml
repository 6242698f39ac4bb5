model M
  param tau = 2 [s]
  var x start 1
equations
  der(x) = -exp(-tau) + sin(time/(1 [s]))
end
