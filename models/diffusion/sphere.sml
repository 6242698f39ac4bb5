# Diffusion into a sphere whose surface is held at one concentration.
# source: J. Crank, The Mathematics of Diffusion, 2nd edition, Oxford 1975, section 6.3.
# checked value: the series 6.18 and 6.20 there, at D*t/R^2 = 0.02 and 0.1 (tests/fields/test_known.py sums them).

model Sphere "a sphere that takes up what surrounds it"
  param R = 1e-3 [m] in 5e-4..2e-3            "radius"
  param D = 1e-9 [m^2/s] in 5e-10..2e-9       "diffusivity"
  param c_out = 100 [mol/m^3] in 50..200      "around it"
  field c(r) [mol/m^3] over 0..R cells 40 grading 0.97 spherical start 0
  output uptake [1] = mean(c)/c_out           "of what it takes up in the end"
equations
  der(c) = div(D*grad(c))
  c at R = c_out
experiment
  time 0..300
end

test "uptake by the series of Crank"
  simulate time 0..100, rtol 1e-7, atol 1e-7
  expect uptake at 20 = 0.418731 within 1e-3
  expect uptake at 100 = 0.770479 within 1e-3
end
