model M
  var x [metre] start 1
  param k = 2 [kOhmm]
equations
  der(x) = -x*5 [1/sek]
end
