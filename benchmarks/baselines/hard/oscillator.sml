# The oscillator of van der Pol, from nearly harmonic to relaxation.
# source: B. van der Pol (1926), Phil. Mag. 2, 978-992.

model Oscillator "a relaxation oscillator"
  param mu = 5 in 1..10      "damping"
  param begin = 2 in 0.5..3  "start"
  var x
  var v
equations
  der(x) = v
  der(v) = mu*(1 - x^2)*v - x
initial
  x = begin
  v = 0
experiment
  time 0..20, rtol 1e-7, atol 1e-9
end
