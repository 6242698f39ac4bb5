model M
  var x start 1
equations
  der(x) = -1_000_000*x
end
