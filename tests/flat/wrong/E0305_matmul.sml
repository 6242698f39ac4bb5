model M
  param A[2, 3] = 1
  var x[2] start 1
  var y[4] start 1
equations
  der(x) = matmul(A, x)
  der(y) = join(x, A[1, 1..3])
end
