METHOD RK4
STARTTIME = 0
STOPTIME = 10
d/dt(x) = -k*x
init x = 1
k = 0.5
