model M
  var x[2] [m] start 1
  var t [s] start 1
equations
  der(x) = -join(x[1], t)/(1 [s])
  der(t) = 0
end
