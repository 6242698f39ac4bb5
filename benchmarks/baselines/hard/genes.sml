# Three genes that repress one another in a ring, with every number of each gene of its own.
# source: M. B. Elowitz, S. Leibler (2000), Nature 403, 335-338.

model Genes "a ring of three genes"
  param a[3] = {200, 200, 200} in 100..300 "transcription"
  param n[3] = {2, 2, 2} in 1.5..2.5       "cooperativity"
  param b[3] = {1, 1, 1} in 0.5..1.5       "protein against messenger"
  param K[3] = {1, 1, 1} in 0.5..1.5       "half repression"
  var m[3] start {1, 2, 3}                 "messenger"
  var p[3] start {5, 1, 3}                 "protein"
equations
  for i in 1..3
    der(m[i]) = a[i]/(1 + (p[if i == 1 then 3 else i - 1]/K[i])^n[i]) + 0.2 - m[i]
    der(p[i]) = b[i]*(m[i] - p[i])
  end
experiment
  time 0..15, rtol 1e-7, atol 1e-9
end
