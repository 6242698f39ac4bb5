# High irradiance responses of photomorphogenesis: phytochrome in its red and far-red forms.
# source: E. Schaefer (1975), J. Math. Biology 2, 41-56; HIRES of the Bari/Twente Test Set for IVP Solvers, release 2.4.
# checked value: at t = 321.8122, published there: Pr = 0.7371312573325668e-3, Pfr = 0.1442485726316185e-3,
#   PrX = 0.5888729740967575e-4, PfrX = 0.1175651343283149e-2, PrXa = 0.2386356198831331e-2,
#   PfrXa = 0.6238968252742796e-2, PfrXaE = 0.2849998395185769e-2, E = 0.2850001604814231e-2

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
