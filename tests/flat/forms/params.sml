const a = 2
const b = a^2 + 1
model P
  const n = 2*b
  const w[3] = {1, 2, n}
  param c = 3
  param d = c*b
  param e[n] = (i*c for i in 1..n)
  param f[2, 3] = {{1, 2, 3}, {4, 5, 6}}
  param tau = d/c
  param g[3] = w
  var x[n] start e
  var y[2]
equations
  der(x) = -x/tau
  for i in 1..2
    y[i] = sum(f[i, j]*x[j] for j in 1..3)
  end
end
