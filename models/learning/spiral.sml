# A neural ordinary differential equation (Chen et al. 2018): the whole right side is a network, which is trained on a
# spiral. As it ships its weights are the initial ones.
# checked value: SciPy's Radau at rtol 1e-12 on the same network by NumPy

network f(x[2]) -> dx[2] hidden 50, 50 activation tanh seed 1

model Spiral "a neural differential equation"
  var x[2] start {2, 0}
equations
  der(x) = f(x)
experiment
  time 0..10
end

test "the solution with the initial weights"
  simulate time 0..10, rtol 1e-9
  expect x[1] at 10 = -0.137477994 within 1e-6
  expect x[2] at 10 = -1.28572159 within 1e-6
end
