model I "steady start"
  param a = 2
  var x
  var y guess 1
initial
  der(x) = 0
equations
  der(x) = a - x*y
  y^2 = 1 + x
end
