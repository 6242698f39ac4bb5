model M
  const a = 1/0
  var x start 1
equations
  der(x) = -a*x
end
