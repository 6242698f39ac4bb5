model M
  var x start 1
experiment
  time 0..1
equations
  der(x) = -x
experiment
  time 0..2
end
