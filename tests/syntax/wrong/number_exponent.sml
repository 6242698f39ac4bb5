model M
  var x start 1
equations
  der(x) = -1e*x
end
