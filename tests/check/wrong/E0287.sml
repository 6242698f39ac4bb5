model Wrong
  param L = 1 [m]
  param D = 1 [m^2/s]
  var T[20]
  field c(x) over 0..L cells 20 start 1
  field d(x) over 0..L cells 10 start 1
equations
  der(c) = div(D*d*grad(c))
  der(T) = div(D*grad(T))
  der(d) = div(2*D) + div(limited(3, d^2))
end
