model A
  param k = 1
  var x start 1
equations
  der(x) = -k*x
end
model M
  part a[3] : A(k = {1, 2})
end
