# Heat conduction along a rod in N cells, warmed at the left end, cooled by the air at the right end.
# checked value: linear with constant coefficients; T[1], T[N] at t = 600 s from the exponential of its matrix (scipy).

model HeatRod "a rod of N cells of equal length"
  const N = 20 "cells"
  param length = 0.5 [m] in 0.2..1
  param k = 50 [W/(m*K)] in 10..400       "conductivity"
  param density = 7800 [kg/m^3] in 2000..9000
  param c = 470 [J/(kg*K)] in 300..1000   "specific heat capacity"
  param q = 2e4 [W/m^2] in 0..5e4         "heat flow into the left end"
  param h = 25 [W/(m^2*K)] in 5..100      "heat transfer at the right end"
  param T_air = 20 [degC] in 0..40
  param dx = length/N [m]                 "length of a cell"
  var T[N] [degC] start 20                "temperature in the middle of each cell"
  output T_mean [degC] = sum(T[i] for i in 1..N)/N "mean temperature"
equations
  density*c*dx*der(T[1]) = q - k*(T[1] - T[2])/dx
  for i in 2..N-1
    density*c*dx*der(T[i]) = k*(T[i-1] - 2*T[i] + T[i+1])/dx
  end
  density*c*dx*der(T[N]) = k*(T[N-1] - T[N])/dx - h*(T[N] - T_air)
experiment
  time 0..600, rtol 1e-7, atol 1e-7
end

test "end values by the exponential of the matrix"
  expect T[1] = 56.025377895099574 within 1e-5
  expect T[20] = 20.003405834421866 within 1e-5
  expect T_mean = 26.546641884786773 within 1e-5
end
