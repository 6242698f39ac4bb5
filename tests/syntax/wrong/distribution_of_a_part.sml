model A
  param k = 1
  var x start 1
equations
  der(x) = -k*x
end
model M
  part a: A(k ~ normal(1, 0.1))
end
