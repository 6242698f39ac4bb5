model M
  param q = 3 [Nm^3/h]
  var x start 1
equations
  der(x) = -x
end
