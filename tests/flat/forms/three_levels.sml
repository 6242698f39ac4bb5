model A
  param k = 1
  var x start 1
equations
  der(x) = -k*x
end
model B
  part a[2] : A(k = {1, 2})
end
model C
  part b : B
  param q = 3
end
model D
  part c[2] : C(b.a.x start 5)
  var total
equations
  total = c[1].b.a[2].x + sum(c[i].b.a[j].x for i in 1..2, j in 1..2)
end
