model M
  var i [A] start 0
  var x[3]
equations
  der(i) = 1
  for i in 1..3
    x[i] = i
  end
end
