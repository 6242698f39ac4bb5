function f(x)
  x^2
  for i in 1..3
    y = x
  end
  return x
  z = 2
end
function g(x)
  if x > 0 then
    y = 1
  else
    y = 2
  end
  x + y = 3
  return y
end
function h x
  return x
end
model M
  var return start 1
equations
  return = -der(return)
end
