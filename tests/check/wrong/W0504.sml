model Away
  param v = 1
  field c(x) over 0..1 cells 5 start 0
  field T(x) over -1..1 cells 5 start 0
equations
  der(c) = -div(2*grad(c)) + div(upwind(v, c))
  c at 0 = 1
  grad(c) at 1 = 0
  -div(-v*grad(T)) - der(T) = div(limited(v, T))
  T at -1 = 0
  T at 1 = 0
end
