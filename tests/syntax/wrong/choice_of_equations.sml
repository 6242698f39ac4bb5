model M
  const a = 2
  var x start 1
  var y
equations
  if a > 1 then y = x else y = 2*x
  der(x) = -x
end
