model T
  param w = 2*pi [rad/s]
  var x start 0
  var e
equations
  der(x) = sin(w*time) + exp(-time) + mod(time, 2) + floor(time) + ceil(0.5)
  e = tanh(x) + cosh(x)/sinh(x + 2) + asin(0.5) + acos(0.1) + atan(x) + sqrt(abs(x)) + tan(0.1) + cos(x)
end
