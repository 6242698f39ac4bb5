model A
  var z(start=1) [m]
  var r(0) = 3
  param k(min=0, max=1) = 0.5
  output w(unit="m") = 2*y
  param o = 1 from 0 to 5
  real x[2] = {1, 2}
  bool on = true
equations
  0 ~ z - r
  Differential(t)(z) ~ 3
  d r/d t = -r
experiment
  time 0..10 s
  time 0..10 points 5
end
