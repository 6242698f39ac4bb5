model M
  var x start 1
equations
  der(x) = -x
experiment
  time 0..10, relative_tolerance 1e-6, point 5
end
