import numpy as np
def f(t, y):
    return [-y[0]]

sol = solve_ivp(f, (0, 10), [1])
model M
  var x : float start 1
  param k : 2
  param float j = 1
  var z start 1, nominal 10
  var w start 1 fixed
equations
  x' = -x
end
