model M
  var x start 1
equations
  der(x) = -x
experiment
  time 0 to 10
end
