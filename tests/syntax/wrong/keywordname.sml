model M
  var end start 1
  var for start 1
  param if = 2
equations
  der(end) = -if*end
end
