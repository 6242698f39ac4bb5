network f(x) -> y hidden -3
network g(x) -> y hidden 4 seed 1.5
model Counted
  field c(x) over 0..1 cells 5 start 1
equations
  der(c) = div(grad(c)) + f(c) + g(c)
  c at 0 = 1
  grad(c) at 1 = 0
end
