model M
  param a = 1
  var x start 1 ~ normal(1, 0.1)
  input u = 0 ~ normal(0, 1)
  random b
  random c = 0 ~ normal(0, 1)
  param d = 1 ~ normal(1, 0.1) per occasion
  covariate WT = 70 [kg] ~ normal(70, 10)
  observe y = 2 ~ normal(x, 1)
  observe z
equations
  der(x) = -a*x
end
