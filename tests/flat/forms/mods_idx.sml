model A
  param k = 1
  var x start 1
equations
  der(x) = -k*x
end
model D
  const N = 3
  param base = 2
  part a[N] : A(k = base, x start {1, 2, 3})
  part b[N] : A(k = (base*i for i in 1..N))
  part c[2, 2] : A(k = {{1, 2}, {3, 4}})
end
