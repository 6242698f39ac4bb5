model M
  param tau = 1 [s]
  param far = 2 [m]
  var lag [s] start 1
  var x start 1
  var y start 1
equations
  der(lag) = 0
  der(x) = -delay(x, far) + delay(x, 3 [kg])
  der(y) = -delay(y, lag) + delay(y, tau, 2 [s]) + delay(2*der(x), tau)
end
