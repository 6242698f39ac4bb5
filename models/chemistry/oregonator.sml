# The Belousov-Zhabotinsky reaction: a stiff limit cycle.
# source: R. J. Field and R. M. Noyes (1974), J. Chem. Phys. 60, 1877-1884; OREGO of the Bari/Twente Test Set for IVP
#   Solvers, release 2.4.
# checked value: the end values published there (the test below).

model Oregonator "oscillating Belousov-Zhabotinsky reaction"
  param s = 77.27 in 60..95           "ratio of time scales"
  param q = 8.375e-6 in 6e-6..1.1e-5  "disproportionation of HBrO2"
  param w = 0.161 in 0.12..0.2        "recovery of the catalyst"
  var X start 1 "HBrO2, scaled"
  var Y start 2 "bromide, scaled"
  var Z start 3 "Ce(IV), scaled"
equations
  der(X) = s*(Y + X*(1 - q*X - Y))
  der(Y) = (Z - (1 + X)*Y)/s
  der(Z) = w*(X - Z)
experiment
  time 0..360, rtol 1e-8, atol 1e-8
end

test "end values of the Test Set for IVP Solvers"
  expect X = 1.000814870318523 within 1e-4
  expect Y = 1228.178521549917 within 1e-4
  expect Z = 132.0554942846706 within 1e-4
end
