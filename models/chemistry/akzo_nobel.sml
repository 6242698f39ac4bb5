# Chemical Akzo Nobel: two species react under a constant inflow of carbon dioxide; one fast equilibrium makes it a
# differential-algebraic system of index one.
# source: W. J. H. Stortelder (1998), "Parameter estimation in nonlinear dynamical systems", CWI; Chemical Akzo Nobel
#   of the Bari/Twente Test Set for IVP Solvers, release 2.4.
# checked value: the end values published there, by PSIDE (the test below).

model AkzoNobel "reaction of FLB and ZHU under carbon dioxide"
  param k1 = 18.7 in 13..24
  param k2 = 0.58 in 0.4..0.75
  param k3 = 0.09 in 0.06..0.12
  param k4 = 0.42 in 0.3..0.55
  param K = 34.4 in 24..45        "equilibrium of the second reaction"
  param klA = 3.3 in 2.3..4.3     "mass transfer of carbon dioxide"
  param Ks = 115.83 in 80..150    "equilibrium of FLB_ZHU"
  param pCO2 = 0.9 in 0.6..1.2    "partial pressure of carbon dioxide"
  param H = 737 in 500..950       "Henry constant"
  var FLB  start 0.444
  var CO2  start 0.00123
  var FLBT start 0
  var ZHU  start 0.007
  var ZLA  start 0
  var FLB_ZHU guess 0.36
  var r1
  var r2
  var r3
  var r4
  var r5
  var inflow
equations
  r1 = k1*FLB^4*sqrt(CO2)
  r2 = k2*FLBT*ZHU
  r3 = k2/K*FLB*ZLA
  r4 = k3*FLB*ZHU^2
  r5 = k4*FLB_ZHU^2*sqrt(CO2)
  inflow = klA*(pCO2/H - CO2)
  der(FLB)  = -2*r1 + r2 - r3 - r4
  der(CO2)  = -0.5*r1 - r4 - 0.5*r5 + inflow
  der(FLBT) = r1 - r2 + r3
  der(ZHU)  = -r2 + r3 - 2*r4
  der(ZLA)  = r2 - r3 + r5
  FLB_ZHU = Ks*FLB*ZHU
experiment
  time 0..180, rtol 1e-7, atol 1e-12
end

test "end values of the Test Set for IVP Solvers"
  expect FLB = 0.1150794920661702 within 1e-4
  expect CO2 = 0.001203831471567715 within 1e-4
  expect FLBT = 0.1611562887407974 within 1e-4
  expect ZHU = 0.0003656156421249283 within 1e-4
  expect ZLA = 0.01708010885264404 within 1e-4
  expect FLB_ZHU = 0.004873531310307455 within 1e-4
end
