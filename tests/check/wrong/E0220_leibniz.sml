model M
  var x start 1
equations
  dx/dt = -x
  d(x)/dt = -x + square(x)
end
