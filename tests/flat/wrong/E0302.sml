model A
  const N = 2
  var x[N] start 0
equations
  der(x) = -x
end
