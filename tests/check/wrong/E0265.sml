model M
  var x start 1
  var y
equations
  der(x) = -x
  if x > 0.5 then
    y = 1
    x = y
  else
    y = 2
  end
  if y > 3 then
    y = 2
  end
end
