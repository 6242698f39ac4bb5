model M
  param k = 1 in 0.5..2
  input u = 1 in 0..4
  const c = 3 in 1..2
  var x start 1 in 0..0.5
  output y = 2*x in 0..1
equations
  der(x) = u - c*k*x
end
