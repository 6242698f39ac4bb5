model A
  param p = 1
  param q = 2
  var x start 1
equations
  der(x) = -p*q*x
end
model M
  part a : A(p = a.q, q = a.p)
end
