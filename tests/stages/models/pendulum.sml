model Pendulum "index three: the length is an invariant"
  param L = 1
  param g = 9.81
  var x start 1
  var y start 0
  var vx start 0
  var vy start 0
  var F
equations
  der(x) = vx
  der(y) = vy
  der(vx) = -F*x
  der(vy) = -F*y - g
  x^2 + y^2 = L^2
end
