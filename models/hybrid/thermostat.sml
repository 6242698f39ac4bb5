# A room that loses heat to the outside, and a heater with hysteresis.
# checked value: closed form. Between switches T goes to T_out + on*P/G with the time constant C/G, so that a period
#   takes C/G*(log((20.5 - 5)/(19.5 - 5)) + log((25 - 19.5)/(25 - 20.5))) for the values below.

model Thermostat "a room kept warm by a heater that is on or off"
  param C = 1e6 [J/K] in 2e5..5e6  "heat capacity of the room"
  param G = 100 [W/K] in 50..200   "loss to the outside"
  param P = 2000 [W] in 1500..4000 "power of the heater"
  param T_set = 20 [degC] in 16..24
  param band = 0.5 [K] in 0.1..2   "it switches so far above and below"
  input T_out = 5 [degC]           "outside"
  var T [degC] start 15            "temperature of the room"
  var energy [J] start 0           "heat given so far"
  discrete on = true
  discrete switches = 0
equations
  C*der(T) = G*(T_out - T) + (if on then P else 0)
  der(energy) = if on then P else 0
  when T > T_set + band
    on := false
    switches := switches + 1
  elsewhen T < T_set - band
    on := true
    switches := switches + 1
  end
experiment
  time 0..24 [h]
end

test "the room is warm at C/G*log(10/4.5), and then switches after 667 and after 2007 s"
  simulate time 0..86400, rtol 1e-8
  expect switches at 86400 = 60
  expect T at 8651.61 = 19.5 [degC] within 0.001 [K]
end
