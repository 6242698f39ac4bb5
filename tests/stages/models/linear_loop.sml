model LinearLoop "two unknowns that need one another"
  param a = 3
  var x start 1
  var u
  var w
equations
  der(x) = -u
  u = x + w/a
  w = x - u/a
end
