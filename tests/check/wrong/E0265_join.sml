model Wrong
  param open = 1
  field a(x) over 0..1 cells 10 start 0
  field b(x) over 0..1 cells 10 start 0
equations
  der(a) = div(grad(a))
  der(b) = div(3*grad(b))
  a at 0 = 1
  b at 1 = 0
  if open > 0 then
    connect a at 1, b at 0
  else
    grad(a) at 1 = 0
    b at 0 = 0
  end
end
