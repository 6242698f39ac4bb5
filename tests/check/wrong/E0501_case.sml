model M
  param P = 5 [KW]
  param T = 20 [deg C]
  param p = 3 [kW]
  var x start 1
equations
  der(x) = -x
end
