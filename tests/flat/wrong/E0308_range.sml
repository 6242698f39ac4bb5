model M
  param a = 1 in 2..1
  var x start 1
equations
  der(x) = -a*x
end
