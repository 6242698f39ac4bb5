model A
  const p = 1
  const q = 2
  var x[p] start 1
equations
  der(x) = -x
end
model M
  part a : A(p = a.q, q = a.p)
end
