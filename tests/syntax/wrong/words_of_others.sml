model M
  let k = 3
  local z
  param tau := 3
  var x <- 1
  const double c = 3
equations
  der(x) = -x
  x <- 2
  return x
end
