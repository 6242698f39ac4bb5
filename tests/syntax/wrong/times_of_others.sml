model A
  var x start 1
equations
  der(x) = -x
experiment
  time [0, 10]
  tspan (0 10)
  StopTime 0, 10
end
