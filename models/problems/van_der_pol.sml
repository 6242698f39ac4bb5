# The oscillator of van der Pol, very stiff: long slow arcs, then jumps.
# source: B. van der Pol (1926), Phil. Mag. 2, 978-992; VDPOL of the Bari/Twente Test Set for IVP Solvers, release 2.4.
# checked value: the end values for mu = 1000 published there (the test below).

model VanDerPol "relaxation oscillator"
  param mu = 1000 in 500..1500 "damping"
  var x start 2
  var v start 0
equations
  der(x) = v
  der(v) = mu*(1 - x^2)*v - x
experiment
  time 0..2000, rtol 1e-7, atol 1e-9
end

test "end values of the Test Set for IVP Solvers"
  expect x = 1.706167732170469 within 1e-4
  expect v = -0.0008928097010248125 within 1e-4
end
