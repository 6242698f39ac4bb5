# A drug that binds its target, and is cleared with it: binding is a thousand times faster than what follows.
# source: D. E. Mager, W. J. Jusko (2001), J. Pharmacokin. Pharmacodyn. 28, 507-532, the one-compartment case; rates of
#   the order of those of M. A. Peletier, J. Gabrielsson (2012), ibid. 39, 429-451.

model Disposition "target-mediated disposition of a drug"
  param dose = 30 in 3..100        "what is injected, as a concentration"
  param kon  = 0.1 in 0.03..0.3    "binding"
  param koff = 0.001 in 3e-4..3e-3 "release"
  param kel  = 0.0015 in 7e-4..3e-3 "clearance of the free drug"
  param kint = 0.003 in 1e-3..1e-2 "the complex is taken up"
  param kdeg = 0.009 in 4e-3..2e-2 "decay of the target"
  param R0   = 12 in 6..24         "target at rest"
  var C                            "free drug"
  var R                            "free target"
  var RC                           "complex"
equations
  der(C)  = -kel*C - kon*C*R + koff*RC
  der(R)  = kdeg*(R0 - R) - kon*C*R + koff*RC
  der(RC) = kon*C*R - (koff + kint)*RC
initial
  C = dose
  R = R0
  RC = 0
experiment
  time 0..2000, rtol 1e-7, atol 1e-10
end
