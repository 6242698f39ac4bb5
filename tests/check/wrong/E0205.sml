model M
  var time start 1
  var x
equations
  der(x) = -x
end
