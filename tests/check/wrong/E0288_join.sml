model Layer
  param L = 1 [m]
  param D = 1 [m^2/s]
  field c(x) over 0..L cells 20 start 1
  var y[2]
equations
  der(c) = div(D*grad(c))
  der(y) = -y
end

model Wrong
  part a : Layer
  part b : Layer
equations
  a.c at 0 = 1
  connect a.c at L, b.y at 0
  b.c at L = 0
end
