model M
  param a = 1 ~ normal(1)
  param b = 1 ~ normal(mean = 1, deviation = 2)
  param c = 1 ~ normal(1, 0)
  param d = 1 ~ uniform(2, 1)
  param e[2] = {1, 2} ~ normal({{1, 2}, {3, 4}}, 1)
  param f[2] = {1, 2} ~ lognormal(0, {{1, 0}, {0, 1}})
  param V = 20 [L] ~ lognormal(20 [L], 0.2)
  param T = 20 [degC] ~ normal(20, 2 [m])
  random g ~ normal(0, x)
  var x start 1
  observe y [kg] ~ normal(x*T, 0.1)
equations
  der(x) = -a*x
end
