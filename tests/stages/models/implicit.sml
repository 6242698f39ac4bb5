model Implicit "an equation that has no closed form stays implicit"
  var x start 1
  var y guess 1
equations
  der(x) = -y
  y + y^5 = x + sin(y)
end
