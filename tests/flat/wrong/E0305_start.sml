model M
  var x[3] start {1, 2}
equations
  der(x) = -x
end
