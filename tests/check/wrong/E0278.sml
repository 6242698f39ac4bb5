model M
  param a = 1
  var x start 1
  var w[2] start 1
  dose x, a, w, q
equations
  der(x) = -a*x
  der(w[1]) = 0
  der(w[2]) = 0
end
