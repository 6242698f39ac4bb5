@parameters k
@variables t x(t)
D = Differential(t)
eqs = [D(x) ~ -k*x]
