model M
  var x [m] start 1
equations
  der(x) = -2^x
end
