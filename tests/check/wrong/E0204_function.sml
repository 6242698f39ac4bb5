function drop(v, d)
  re = v*d
  v = re
  re = 2*v
  return re
end

model M
  var x start 1
equations
  der(x) = -drop(x, 1)
end
