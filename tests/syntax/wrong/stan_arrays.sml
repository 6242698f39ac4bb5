data {
  int<lower=0> N;
  array[N] real y;
}
parameters {
  real<lower=0> k;
}
model {
  k ~ lognormal(0, 1);
  y ~ normal(k, 1);
}
