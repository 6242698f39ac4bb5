model Variable
  field c(x) over -1..1 cells 5 start 0
  var y start 0
equations
  der(c) = div(grad(c))
  c at -1 = y at 1
  c at -2 = 0
  der(y) = 1
end
