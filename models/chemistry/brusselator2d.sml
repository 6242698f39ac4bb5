# The Brusselator with diffusion on a periodic square; at t = 1.1 a disc begins to be fed.
# source: the form of SciML/SciMLBenchmarks.jl (after G. Nicolis and I. Prigogine, 1977): spacing 1/(N - 1), alpha = 10.
#   The grid of N x N points wraps around from the last to the first.
# checked value: four unknowns for N = 8 at t = 11.5 (the test below), from the same equations in NumPy, scipy Radau,
#   rtol 1e-10, the span split at 1.1 (tests/models/reference.py).

function disc(x, y) = if (x - 0.3)^2 + (y - 0.6)^2 <= 0.01 then 1 else 0

model Brusselator2D "reaction and diffusion on a periodic square"
  const N = 8                          "grid points along each side"
  const h = 1/(N - 1)                  "spacing"
  param A = 3.4 in 3..3.8
  param B = 1 in 0.8..1.2
  param alpha = 10 in 5..15            "diffusion"
  param feed = 5 in 3..7               "feed of the disc"
  param begin = 1.1 in 1..1.2          "time at which the feed begins"
  var fed                              "feed at this time"
  var u[N, N] start (22*((j - 1)/(N - 1)*(N - j)/(N - 1))^1.5 for i in 1..N, j in 1..N)
  var v[N, N] start (27*((i - 1)/(N - 1)*(N - i)/(N - 1))^1.5 for i in 1..N, j in 1..N)
equations
  fed = if time < begin then 0 else feed
  for i in 1..N, j in 1..N
    der(u[i, j]) = alpha/h^2*(u[mod(i - 2, N) + 1, j] + u[mod(i, N) + 1, j]
      + u[i, mod(j - 2, N) + 1] + u[i, mod(j, N) + 1] - 4*u[i, j])
      + B + u[i, j]^2*v[i, j] - (A + 1)*u[i, j] + fed*disc((i - 1)/(N - 1), (j - 1)/(N - 1))
    der(v[i, j]) = alpha/h^2*(v[mod(i - 2, N) + 1, j] + v[mod(i, N) + 1, j]
      + v[i, mod(j - 2, N) + 1] + v[i, mod(j, N) + 1] - 4*v[i, j])
      + A*u[i, j] - u[i, j]^2*v[i, j]
  end
experiment
  time 0..11.5, rtol 1e-6, atol 1e-8
end

test "end values by scipy"
  expect u[1, 1] = 0.5233410696423143 within 1e-4
  expect v[1, 1] = 5.2211183765640525 within 1e-4
  expect u[4, 8] = 0.5235689353564347 within 1e-4
  expect v[8, 4] = 5.22111558537585 within 1e-4
end
