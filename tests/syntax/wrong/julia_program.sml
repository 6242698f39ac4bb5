using ModelingToolkit, DifferentialEquations
@parameters σ=28.0 ρ=10.0 β=8/3
@variables t x(t)=1.0 y(t)=0.0 z(t)=0.0
D = Differential(t)
eqs = [D(x) ~ σ*(y-x),
       D(y) ~ x*(ρ-z)-y,
       D(z) ~ x*y - β*z]
@named sys = ODESystem(eqs, t)
prob = ODEProblem(sys, [], (0.0, 100.0))
sol = solve(prob, Tsit5())
