model M
  const N = 1e9
  var x[N] start 0
equations
  der(x) = -x
end
