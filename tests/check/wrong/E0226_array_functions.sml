model M
  param A[2, 2] = {{1, 2}, {3, 4}}
  var x[2] start 1
  var y
equations
  der(x) = matmul(2, x) + matmul(x, x) + dot(A, x) + A*x
  y = sum(transpose(x)) + sum(join(A, x))
end
