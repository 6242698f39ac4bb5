model M
  var x² start 1
  param ½k = 2
equations
  der(x²) = -x³ + ₂y
end
