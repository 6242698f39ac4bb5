model M
  const w[3] = {1, 2}
  var x start 1
equations
  der(x) = -w[1]*x
end
