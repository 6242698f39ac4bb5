model M
  param k = 1e999
  param j = 1.2.3
  param q = 0x10
  var x start 1
equations
  der(x) = -x
end
