# A line of N cells, each a resistor in the line and a capacitor to ground: a discrete cable, or heat conduction.
# checked value: linear with constant coefficients; c[1].v, c[N].v at t = 1e-4 from the exponential of its matrix (scipy).

from electrical import Capacitor, Ground, Resistor, VoltageStep

model Ladder "RC ladder driven by a step of voltage"
  const N = 20 "cells"
  part src : VoltageStep(V = 1, at = 0)
  part r[N] : Resistor(R = 100)
  part c[N] : Capacitor(C = 1e-8)
  part gnd : Ground
equations
  connect src.p, r[1].p
  connect src.n, gnd.p
  for i in 1..N
    connect r[i].n, c[i].p
    connect c[i].n, gnd.p
  end
  for i in 2..N
    connect r[i-1].n, r[i].p
  end
experiment
  time 0..1e-4, rtol 1e-6, atol 1e-9
end

test "end values by the exponential of the matrix"
  expect c[1].v = 0.9453279215129514 within 1e-5
  expect c[20].v = 0.29501897801693194 within 1e-5
end
