model Cells
  field c(x) over 0..1 cells 2.5 start 1
equations
  der(c) = div(grad(c))
  c at 0 = 1
  grad(c) at 1 = 0
end
