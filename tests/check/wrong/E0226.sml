model M
  var A[2, 2] start 0
  var b[2] start 0
  var s
equations
  der(b) = A
  A = b + 1
  s = sum(s)
end
