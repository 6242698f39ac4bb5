function flux(D, c) = -D*grad(c)

model Wrong
  param L = 1 [m]
  param D[3] = {1, 2, 3} [m^2/s]
  field c(x) over 0..L cells 20 start 1
  field d(x) over 0..L cells 20 start 1
  field e(x) over 0..L cells 20 start 1
  var y
equations
  der(c) = harmonic(c)
  der(d) = div(D[1]*div(grad(d)))
  y = flux(D[1], c)
  for i in 1..3
    der(e) = div(D[i]*grad(e))
  end
  grad(c) at 0 = upwind(2, c)
end
