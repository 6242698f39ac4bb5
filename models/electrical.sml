# Electrical parts. A current is positive into a part; `v` is the voltage from `p` to `n`, `i` the current from `p` to `n`.
# Every circuit needs a `Ground`: without one its voltages have no level.
# checked value: the closed form of every part's response, tests/models/test_library.py.

connector Pin "electrical terminal"
  potential v [V] "voltage against ground"
  flow      i [A] "current into the part"
end

partial model TwoPin "a part with two terminals through which one current flows"
  port p : Pin
  port n : Pin
  var v [V] "voltage from p to n"
  var i [A] "current from p to n"
equations
  v = p.v - n.v
  i = p.i
  p.i + n.i = 0
end

model Ground "the level of zero volts"
  port p : Pin
equations
  p.v = 0
end

model Resistor extends TwoPin "v = R*i"
  param R = 1e3 [ohm] in 1..1e6 "resistance"
equations
  v = R*i
end

model Conductor extends TwoPin "i = G*v"
  param G = 1e-3 [S] in 1e-6..1 "conductance"
equations
  i = G*v
end

model Capacitor extends TwoPin(v start 0) "its voltage is a state; set it with Capacitor(v start 5)"
  param C = 1e-6 [F] in 1e-12..1 "capacitance"
equations
  i = C*der(v)
end

model Inductor extends TwoPin(i start 0) "its current is a state; set it with Inductor(i start 0.1)"
  param L = 1e-3 [H] in 1e-9..10 "inductance"
equations
  v = L*der(i)
end

model VoltageSource extends TwoPin "constant voltage"
  param V = 1 [V] in 0..1e3 "voltage from p to n"
equations
  v = V
end

model VoltageStep extends TwoPin "zero, then V from the time `at` on"
  param V = 1 [V] in 0..1e3 "voltage after the step"
  param at = 0 [s]          "time of the step"
equations
  v = if time < at then 0 else V
end

model SineVoltage extends TwoPin "offset + V*sin(2*pi*f*time + phase)"
  param V = 1 [V] in 0..1e3 "amplitude"
  param f = 50 [Hz] in 0.1..1e6 "frequency"
  param phase = 0 [rad]
  param offset = 0 [V]
equations
  v = offset + V*sin(2*pi*f*time + phase)
end

model PrescribedVoltage extends TwoPin "voltage driven from outside"
  input V = 0 [V] "voltage from p to n"
equations
  v = V
end

model CurrentSource extends TwoPin "constant current from p to n through the source"
  param I = 1e-3 [A] in 0..10 "current"
equations
  i = I
end

model CurrentStep extends TwoPin "zero, then I from the time `at` on"
  param I = 1e-3 [A] in 0..10 "current after the step"
  param at = 0 [s]            "time of the step"
equations
  i = if time < at then 0 else I
end

model PrescribedCurrent extends TwoPin "current driven from outside"
  input I = 0 [A] "current from p to n"
equations
  i = I
end

# The exponential goes on as its tangent beyond 40 thermal voltages: no overflow in a Newton step that goes too far.
function exp_limited(x) = if x < 40 then exp(min(x, 40)) else exp(40)*(x - 39)

model Diode extends TwoPin "the diode of Shockley, with a leakage resistance"
  param Is = 1e-12 [A] in 1e-15..1e-6  "saturation current"
  param Vt = 0.02585 [V] in 0.02..0.04 "thermal voltage at 300 K"
  param ideality = 1 in 1..2           "emission coefficient"
  param R_leak = 1e9 [ohm]             "leakage"
equations
  i = Is*(exp_limited(v/(ideality*Vt)) - 1) + v/R_leak
end

# One variable says both what an ideal diode blocks and what it conducts: neither jumps where it turns, and any number of
# diodes in a network turn at one instant without an order of events.
model IdealDiode extends TwoPin "conducts forwards, blocks backwards"
  param R_on = 1e-5 [ohm]  "resistance while it conducts"
  param G_off = 1e-5 [S]   "conductance while it blocks"
  var s "current [A] where it conducts, voltage [V] where it blocks, which is negative"
equations
  v = if s > 0 then R_on*s*1 [A] else s*1 [V]
  i = if s > 0 then s*1 [A] else G_off*s*1 [V]
end

model IdealSwitch extends TwoPin "closed while `closed` is above one half; its R_on and G_off leave no voltage undetermined"
  param R_on = 1e-5 [ohm]  "resistance of the closed switch"
  param G_off = 1e-5 [S]   "conductance of the open switch"
  input closed = 0         "driven from outside, or by an equation of the surrounding model"
equations
  if closed > 0.5 then
    v = R_on*i
  else
    i = G_off*v
  end
end

model PulseWidth "a signal that is one for a part of each period, from its beginning on"
  param period = 1e-3 [s] in 1e-6..1
  input duty = 0.5 "part of the period"
  output on = if mod(time, period) < duty*period then 1 else 0
end
model OpAmp "ideal: no input current, and the output does what keeps both inputs equal"
  port p   : Pin "non-inverting input"
  port n   : Pin "inverting input"
  port out : Pin "output; its current returns through the supply"
equations
  p.v = n.v
  p.i = 0
  n.i = 0
end

model VoltageSensor "voltage from p to n without drawing a current"
  port p : Pin
  port n : Pin
  var v [V] "reading"
equations
  v = p.v - n.v
  p.i = 0
  n.i = 0
end

model CurrentSensor "current from p to n without a voltage drop"
  port p : Pin
  port n : Pin
  var i [A] "reading"
equations
  p.v = n.v
  p.i + n.i = 0
  i = p.i
end
