# A bridge of four ideal diodes that charges a capacitor beside a load: the diodes turn in pairs, two at one instant.
# checked value: closed form, as that of the half-wave, twice in a period.

from electrical import Capacitor, Ground, IdealDiode, Resistor, SineVoltage

model BareBridge "the same without a capacitor: all four diodes turn at one instant"
  part source : SineVoltage(V = 10, f = 50)
  part diode[4] : IdealDiode
  part load : Resistor(R = 100)
  part ground : Ground
equations
  connect source.p, diode[1].p, diode[2].n
  connect source.n, diode[3].p, diode[4].n
  connect diode[1].n, diode[3].n, load.p
  connect diode[2].p, diode[4].p, load.n, ground.p
experiment
  time 0..0.1
end

model DiodeBridge "rectifier of four diodes"
  part source : SineVoltage(V = 10, f = 50)
  part diode[4] : IdealDiode(R_on = 1e-4, G_off = 1e-9)
  part load : Resistor(R = 100)
  part c : Capacitor(C = 100e-6)
  part ground : Ground
equations
  connect source.p, diode[1].p, diode[2].n
  connect source.n, diode[3].p, diode[4].n
  connect diode[1].n, diode[3].n, load.p, c.p
  connect diode[2].p, diode[4].p, load.n, c.n, ground.p
experiment
  time 0..0.1
end

test "the voltage falls from where the diodes block, as in every half period"
  simulate time 0..0.03, rtol 1e-7
  expect c.v at 0.0085 = 7.406982136938709 [V] within 1e-5
  expect c.v at 0.0285 = 7.406982136938709 [V] within 1e-5
end

test "both half waves go through the bare bridge" of BareBridge
  simulate time 0..0.1, rtol 1e-6
  expect load.v at 0.0637 = abs(10*sin(2*pi*50*0.0637)) within 2e-5
  expect mean(load.v over time) = 20/pi within 1e-3
end
