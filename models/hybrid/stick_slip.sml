# A block on a belt, held by a spring: it sticks to the belt until the spring pulls more than friction holds, slips back,
# and sticks again.
# checked value: closed form. It lets go at x = mu_s*N/k; while it slips, x - mu_d*N/k swings with sqrt(k/m), so that it
#   sticks again 2 (pi - atan(sqrt(k/m)*(mu_s - mu_d)*N/(k*v_belt)))/sqrt(k/m) later.

model StickSlip "a block on a belt, held by a spring"
  param m = 1 [kg] in 0.5..2       "mass"
  param k = 10 [N/m] in 5..20      "spring"
  param N = 10 [N]                 "weight on the belt"
  param mu_s = 0.4 in 0.3..0.6     "friction that holds"
  param mu_d = 0.2 in 0.1..0.25    "friction that slides"
  param v_belt = 0.1 [m/s]         "speed of the belt"
  var x [m] start 0                "elongation of the spring"
  var v [m/s] start v_belt         "speed of the block"
  discrete sticks = true
  discrete slips = 0               "times that it has let go"
equations
  der(x) = v
  m*der(v) = if sticks then 0 else mu_d*N - k*x
  when k*x > mu_s*N and sticks
    sticks := false
    slips := slips + 1
  end
  when v > v_belt and not sticks
    sticks := true
    v := v_belt
  end
experiment
  time 0..20
end

test "it lets go after mu_s*N/(k*v_belt) = 4 s, and sticks again 1.0927 s later where the spring is at rest"
  simulate time 0..20, rtol 1e-9
  expect slips at 20 = 4
  expect x at 9 = 0.3907362226 [m] within 1e-6
end
