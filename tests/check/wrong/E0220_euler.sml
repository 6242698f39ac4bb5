model M
  var x start 1
equations
  der(x) = -e^x
end
