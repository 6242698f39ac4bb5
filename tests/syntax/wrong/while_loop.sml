model M
  var x start 1
equations
  while x > 1
  der(x) = -x
  end
end
