model A
  var x start 1
equations
  dot(x) = -x
end
