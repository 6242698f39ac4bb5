model M
  field a(x) cells 20
  field b(x) over 5 cells 20
  field c(x) over 0..1 start 2
  field d(x) over 0..1 cells 20 at {0, 0.5, 1}
  field e(x) over 0..1 at {0, 0.5, 1} grading 1.1
  field f(x) over 0..1 cells 20 = 3
  field g(x) over 0..1 cells 20 spherical cylindrical
  field h over 0..1 cells 20
equations
  der(a) = div(grad(a))
end
