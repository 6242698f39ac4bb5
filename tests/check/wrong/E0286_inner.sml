model Inner
  field c(x) over 0..1 cells 5 start 0
equations
  der(c) = div(der(c)*grad(c)) + div(grad(grad(c)))
  c at 0 = 1
  grad(c) at 1 = 0
end
