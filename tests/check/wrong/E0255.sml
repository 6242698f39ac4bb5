model M
  var x start 1
equations
  der(x) = -x
experiment
  time 10, rtol 0
end
