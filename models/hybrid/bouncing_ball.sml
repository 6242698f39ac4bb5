# A ball that falls on a plate and bounces, each time with a part of the speed it came with.
# checked value: closed form. It falls for sqrt(2 h0/g), and a flight that begins with speed v lasts 2 v/g.

model BouncingBall "a ball on a plate"
  param g = 9.81 [m/s^2] in 1..20 "gravity"
  param h0 = 1 [m] in 0.5..2      "height from which it falls"
  param e = 0.8 in 0.5..0.95      "part of the speed that is left behind a bounce"
  var h [m] start h0              "height"
  var v [m/s] start 0             "speed upwards"
  discrete bounces = 0            "bounces so far"
equations
  der(h) = v
  der(v) = -g
  when h < 0
    v := -e*v
    bounces := bounces + 1
  end
experiment
  time 0..3, rtol 1e-8
end

test "six bounces, and the height after them"
  simulate time 0..3, rtol 1e-9
  expect bounces at 3 = 6
  expect h at 3 = 0.06870746096576577 [m] within 1e-8
end
