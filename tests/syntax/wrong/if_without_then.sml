model M
  var x start 1
equations
  if x > 1
    der(x) = -x
  else if x > 0 then
    der(x) = x
  else
    der(x) = 1
  end
end
