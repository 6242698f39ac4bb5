model M
  param a ~ 1
  param b ~ normal
  random c ~
  random d normal(0, 1)
  random e ~ normal(0, 1) per
  param f = 1 ± 0.1
  param g = ~normal(0, 1)
  var x start 1
  dose x y
equations
  x ~ y
  x = ~y
  random h ~ normal(0, 1)
  dose x
end
