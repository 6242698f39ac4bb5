function first(a) = a[1]

model M
  var x[2] start 1
  var y
equations
  der(x) = -x
  y = first(2*x)
end
