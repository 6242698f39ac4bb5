function drop(v)
  re = mu*v
  mu = 2*v
  return re/nu
end

model M
  var x start 1
equations
  der(x) = -drop(x)
end
