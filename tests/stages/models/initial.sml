model Initial "a steady start"
  param k = 2
  var x
  var y start 3
equations
  der(x) = y - k*x
  der(y) = -y
initial
  der(x) = 0
end
