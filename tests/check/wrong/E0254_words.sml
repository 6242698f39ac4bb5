model A
  var x start 1
equations
  der(x) = -x
experiment
  StopTime = 10
  Tolerance 1e-6
  dt 0.1
  solver 1
end
