model Sm
  var x start 1
  var y
equations
  der(x) = -smooth_step(x - 0.5, 0.01)
  y = if x > 0.5 and not (x > 2) or time < 1 then atan2(x, 2) else sign(x)*log10(abs(x) + 1)
end
