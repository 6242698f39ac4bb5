model Bead
  field c(r) over 0..1 cells 5 spherical start 0
equations
  der(c) = div(grad(c))
  c at 1 = 1
experiment
  time 0..1
end

test "an end"
  expect (c at 1) at 0.5 = 1
end
