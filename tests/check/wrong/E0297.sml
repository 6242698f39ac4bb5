network g(T, T) -> rate activation tang
network h(T) -> rate hidden 8 activation tanh scale x by 2, rate by {1, 2}

model M
  param n = 3
  network f(x[2]) -> dx[2] hidden n, 4.5 seed n
  var x[2] start 1
equations
  der(x[1]) = f(x)
  der(x[2]) = g(x[1]) + f(x[1])[1] + h
end
