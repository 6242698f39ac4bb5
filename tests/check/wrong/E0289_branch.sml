model Wrong
  const insulated = 1
  field c(x) over 0..1 cells 20 start 1
equations
  der(c) = div(grad(c))
  c at 0 = 1
  if insulated then
    grad(c) at 1 = 0
  else
    c at 1 = 2
    grad(c) at 1 = 3
  end
  c at 1 = 0
end
