model A
  var x start 1
equations
  dot(x) = -x
  x.der = 1
end
