model Gain
  input u = 0
  param k = 2
  output y = k*u
end
model Main
  var x start 1
  part g : Gain(u = x, k = 3)
  part h : Gain
equations
  der(x) = -g.y
  h.u = g.y
end
