model Dummy "a constraint that gives a variable: dummy derivatives"
  var x start 1
  var v start 0
  var y
  var F
equations
  der(x) = v
  der(v) = -x + F
  y = 2*x
  der(y) = F - v
end
