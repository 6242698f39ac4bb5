param k = 1
model M
  param k [s] = 1 [s] "a" "b"
  var x start 1 start 2
  part r : R(a[1] = 2, b[1] : R)
equations
  x[1](2) = 3
end
