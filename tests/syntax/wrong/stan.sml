data {
  int<lower=1> N;
}
parameters {
  real<lower=0> k;
}
transformed parameters {
  real z = 2*k;
}
model {
  k ~ normal(0, 1);
}
