model M
  var x start 1
equations
  der(x) = -1.5D2*x
end
