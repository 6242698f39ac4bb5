model M
  param limit = 2
  param on0 = 1
  var x start 1
  discrete on = true
equations
  der(x) = -x
  on = x > 0.5
end
