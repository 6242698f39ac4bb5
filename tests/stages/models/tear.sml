model Tear "a small nonlinear loop: one unknown is torn"
  var x start 1
  var u guess 1
  var w
equations
  der(x) = -w
  u + exp(u) = x + w
  w = u^3
end
