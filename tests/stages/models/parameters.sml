model Parameters "computed from others, level by level"
  param r = 0.5
  param A = pi*r^2
  param V = 2*A
  var x start 1
equations
  der(x) = -V*x
end
