model M
  const N = 2
  var x[N - 3] start 0
  var y start 1
equations
  der(y) = -y
end
