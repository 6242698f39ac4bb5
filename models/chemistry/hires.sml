# High irradiance responses of photomorphogenesis: phytochrome in its red and far-red forms.
# source: E. Schaefer (1975), J. Math. Biology 2, 41-56; HIRES of the Bari/Twente Test Set for IVP Solvers, release 2.4.
# checked value: the end values published there (the test below).

model HIRES "light response of phytochrome"
  param k1 = 1.71 in 1.2..2.2     "Pr to Pfr, in every binding"
  param k2 = 0.43 in 0.3..0.6     "Pfr to Pr, in every binding"
  param k3 = 8.32 in 5.8..10.8    "Pfr binds X"
  param k4 = 0.69 in 0.48..0.9    "PfrX to PfrXa"
  param k5 = 0.035 in 0.025..0.045 "PrXa to PrX"
  param k6 = 8.32 in 5.8..10.8    "PrX releases X"
  param kp = 280 in 140..420      "PfrXa binds E"
  param km = 0.69 in 0.48..0.9    "PfrXaE releases E"
  param ks = 0.69 in 0.48..0.9    "decay of PfrXaE"
  param supply = 0.0007 in 0.0005..0.0009 "synthesis of Pr"
  var Pr     start 1              "phytochrome, red-absorbing"
  var Pfr    start 0              "phytochrome, far-red-absorbing"
  var PrX    start 0              "Pr bound to the receptor X"
  var PfrX   start 0              "Pfr bound to X"
  var PrXa   start 0              "Pr bound to the changed receptor X'"
  var PfrXa  start 0              "Pfr bound to X'"
  var PfrXaE start 0              "PfrX' bound to the enzyme"
  var E      start 0.0057         "free enzyme"
equations
  der(Pr)     = -k1*Pr + k2*Pfr + k6*PrX + supply
  der(Pfr)    = k1*Pr - (k2 + k3)*Pfr
  der(PrX)    = -(k6 + k1)*PrX + k2*PfrX + k5*PrXa
  der(PfrX)   = k3*Pfr + k1*PrX - (k4 + k2)*PfrX
  der(PrXa)   = -(k5 + k1)*PrXa + k2*(PfrXa + PfrXaE)
  der(PfrXa)  = -kp*PfrXa*E + k4*PfrX + k1*PrXa - k2*PfrXa + km*PfrXaE
  der(PfrXaE) = kp*PfrXa*E - (k2 + km + ks)*PfrXaE
  der(E)      = -kp*PfrXa*E + (k2 + km + ks)*PfrXaE
experiment
  time 0..321.8122, rtol 1e-6, atol 1e-10
end

test "end values of the Test Set for IVP Solvers"
  expect Pr = 0.0007371312573325668 within 1e-3
  expect Pfr = 0.0001442485726316185 within 1e-3
  expect PrX = 5.888729740967575e-5 within 1e-3
  expect PfrX = 0.001175651343283149 within 1e-3
  expect PrXa = 0.002386356198831331 within 1e-3
  expect PfrXa = 0.006238968252742796 within 1e-3
  expect PfrXaE = 0.002849998395185769 within 1e-3
  expect E = 0.002850001604814231 within 1e-3
end
