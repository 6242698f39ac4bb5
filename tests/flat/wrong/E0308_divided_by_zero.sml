model Ramp
  const width = 0
  param k = 1
  var x start 1
  var y start 1
equations
  der(x) = -x*smooth_step(k*x, width)
  der(y) = -y/width
end
