model M
  var x start 1
  var φ
  var ϕ
  param H₂O = 1
  param H2O = 2
equations
  der(x) = -x - φ + ϕ
  φ = sin(x)
  ϕ = 5*cos(x)
end
