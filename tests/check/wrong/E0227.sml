model M
  param a = 2*b
  param b = c + 1
  param c = a
  var x start a
equations
  der(x) = -x
end
