model M
  const N = 5
  var x[N/2] start 0
equations
  der(x) = -x
end
