# Two transistors amplify a sine. Capacitors couple nodes: the mass matrix is singular and not diagonal, of index one. What
# the two equations of a capacitor say together ties the voltages of its nodes.
# source: P. Rentrop, M. Roche, G. Steinebach (1989), Numer. Math. 55, 545-563; transistor amplifier of the Bari/Twente Test
#   Set for IVP Solvers, release 2.4.
# checked value: the end values published there (the test below).

model TransistorAmplifier "two stages"
  param Ub = 6 [V] "operating voltage"
  param UF = 0.026 [V] "thermal voltage"
  param alpha = 0.99 in 0.985..0.993 "gain"
  param beta = 1e-6 [A] "saturation current"
  param R0 = 1000 [ohm] "resistance of the source"
  param R = 9000 [ohm]
  param C = 1e-6 [F] "capacity of the first capacitor; the others are 2 to 5 times as large"
  var y[8] [V]
  var g1 [A] "current of the first transistor"
  var g2 [A]
  var ue [V] "what is amplified"
equations
  ue = 0.1 [V]*sin(200*pi*time/1 [s])
  g1 = beta*(exp((y[2] - y[3])/UF) - 1)
  g2 = beta*(exp((y[5] - y[6])/UF) - 1)
  C*(der(y[2]) - der(y[1])) = (y[1] - ue)/R0
  C*(der(y[1]) - der(y[2])) = 2*y[2]/R - Ub/R + (1 - alpha)*g1
  -2*C*der(y[3]) = y[3]/R - g1
  3*C*(der(y[5]) - der(y[4])) = (y[4] - Ub)/R + alpha*g1
  3*C*(der(y[4]) - der(y[5])) = 2*y[5]/R - Ub/R + (1 - alpha)*g2
  -4*C*der(y[6]) = y[6]/R - g2
  5*C*(der(y[8]) - der(y[7])) = (y[7] - Ub)/R + alpha*g2
  5*C*(der(y[7]) - der(y[8])) = y[8]/R
initial
  y[2] = Ub/2
  y[3] = Ub/2
  y[5] = Ub/2
  y[6] = Ub/2
  y[7] = Ub
experiment
  time 0..0.2, rtol 1e-7, atol 1e-9
end

test "end values of the Test Set for IVP Solvers"
  expect y[1] = -0.005562145012262709 within 1e-5
  expect y[2] = 3.006522471903042 within 1e-5
  expect y[3] = 2.849958788608128 within 1e-5
  expect y[4] = 2.926422536206241 within 1e-5
  expect y[5] = 2.704617865010554 within 1e-5
  expect y[6] = 2.761837778393145 within 1e-5
  expect y[7] = 4.770927631616772 within 1e-5
  expect y[8] = 1.236995868091548 within 1e-5
end
