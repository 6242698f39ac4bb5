model Rod
  field T(x) over 0..1 cells 5 start x
equations
  der(T) = div(grad(T)) + sin(x)
  T at 0 = 1
  grad(T) at 1 = 0
end
