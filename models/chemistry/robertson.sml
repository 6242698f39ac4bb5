# Robertson's problem in its differential-algebraic form: the third balance is replaced by conservation of mass.
# source: H. H. Robertson (1966), "The solution of a set of reaction rate equations"; ROBER of the Bari/Twente
#   Test Set for IVP Solvers, release 2.4.
# checked value: the end values published there, and at t = 40 scipy Radau, rtol 3e-13 against 3e-12: alike to 5e-15 (the tests
#   below).

model Robertson "three-species autocatalytic kinetics"
  param k1 = 0.04 in 0.02..0.06    "slow decay of A"
  param k2 = 3e7 in 1.5e7..4.5e7   "fast autocatalysis of B"
  param k3 = 1e4 in 5e3..1.5e4     "return of B to A"
  var A start 1
  var B start 0
  var C start 0
equations
  der(A) = -k1*A + k3*B*C
  der(B) =  k1*A - k3*B*C - k2*B^2
  A + B + C = 1                    # an algebraic constraint: acausal, any form
experiment
  time 0..1e5, rtol 1e-6, atol 1e-10, log
end

test "end values of the Test Set for IVP Solvers"
  expect A = 0.01786592114210036 within 1e-4
  expect B = 7.274751468436648e-8 within 1e-4
  expect C = 0.9821340061103906 within 1e-4
end

test "early values by scipy"
  simulate time 0..100
  expect A at 40 = 0.71582706871941 within 1e-4
  expect B at 40 = 9.1855347645578e-6 within 1e-4
  expect C at 40 = 0.28416374574583 within 1e-4
end
