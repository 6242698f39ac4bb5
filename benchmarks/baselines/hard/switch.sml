# Two genes that repress each other: either one wins, as the parameters and the start decide.
# source: T. S. Gardner, C. R. Cantor, J. J. Collins (2000), Nature 403, 339-342.

model Switch "a bistable switch"
  param a1 = 10 in 5..15    "synthesis of u"
  param a2 = 10 in 5..15    "synthesis of v"
  param beta = 2.5 in 2..3  "cooperativity of the repression by v"
  param gamma = 2.5 in 2..3 "cooperativity of the repression by u"
  param u0 = 1 in 0.2..2    "u at the start"
  var u
  var v
equations
  der(u) = a1/(1 + v^beta) - u
  der(v) = a2/(1 + u^gamma) - v
initial
  u = u0
  v = 1
experiment
  time 0..20, rtol 1e-7, atol 1e-9
end
