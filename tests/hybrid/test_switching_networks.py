"""Networks of ideal diodes that are written with a discrete variable and events each, against closed forms."""

import numpy as np
import pytest

import stiffdsl as sd
from tests.models import reference

DIODE = """
from electrical import Capacitor, Ground, Resistor, SineVoltage, TwoPin
model EventDiode extends TwoPin
  param R_on = 1e-5 [ohm]
  param G_off = 1e-5 [S]
  param least = 0
  discrete on = false
equations
  if on then
    v = R_on*i
  else
    i = G_off*v
  end
  when v > least and not on
    on := true
  elsewhen i < -least and on
    on := false
  end
end
"""


@pytest.mark.parametrize(("R_on", "G_off"), [(1e-5, 1e-5), (0, 0)])
def test_a_diode_that_is_a_switch_in_a_loop_without_states(R_on: float, G_off: float):
    """The determinant of the loop holds the switch: no division by what is zero in one position."""
    model = sd.loads(
        DIODE
        + f"""
model HalfWave
  part source : SineVoltage(V = 10, f = 50)
  part diode : EventDiode(R_on = {R_on}, G_off = {G_off})
  part load : Resistor(R = 100)
  part ground : Ground
equations
  connect source.p, diode.p
  connect diode.n, load.p
  connect load.n, source.n, ground.p
end
"""
    )
    times = np.array([0.004, 0.013, 0.0236])
    solution = model.simulate(time=(0, 0.03), saveat=times, rtol=1e-8)
    wanted = np.maximum(10 * np.sin(100 * np.pi * times), 0.0)
    assert solution["load.v"] == pytest.approx(wanted, abs=100 * 10 * G_off + 1e-6)


def test_unknowns_that_rounding_blurs_are_found_behind_an_event():
    """Currents through closed switches are quotients of tiny differences: relative to them, no correction is small."""
    model = sd.loads(
        DIODE
        + """
model Bridge
  part source : SineVoltage(V = 10, f = 50)
  part d[4] : EventDiode(least = 1e-7, G_off = 1e-9)
  part load : Resistor(R = 100)
  part c : Capacitor(C = 100e-6)
  part ground : Ground
equations
  connect source.p, d[1].p, d[2].n
  connect source.n, d[3].p, d[4].n
  connect d[1].n, d[3].n, load.p, c.p
  connect d[2].p, d[4].p, load.n, c.n, ground.p
end
"""
    )
    solution = model.simulate(time=(0, 0.03), saveat=[0.0085, 0.0285], rtol=1e-6)
    assert solution.success, solution.reason
    (value,) = reference.diode_bridge().values()
    assert solution["c.v"] == pytest.approx([value, value], rel=1e-5)


def test_a_modifier_names_a_quantity_of_a_part_that_is_declared_behind_it():
    model = sd.loads(
        """
from thermal import HeatCapacitor, PrescribedHeatFlow, Thermostat
model Room
  part heater : PrescribedHeatFlow(Q = if control.on then 10 else -10)
  part air : HeatCapacitor(C = 10, T start 300)
  part control : Thermostat(T_set = 302, band = 1)
equations
  connect heater.port, air.port, control.port
end
"""
    )
    assert model.simulate(time=(0, 10), rtol=1e-8)["air.T"][-1] == pytest.approx(302.0, rel=1e-9)


BRIDGE = """
model Bridge
  param R_on = 1e-3
  param R_off = 1e6
  var vp
  var vn
  var load
  var source
  var v[4]
  var i[4]
  discrete on[4] = {0, 0, 0, 0}
equations
  source = 10*sin(74*pi*time)
  v[1] = source - 0.1*(i[1] - i[3]) - vp
  v[2] = -vp
  v[3] = vn - source + 0.1*(i[1] - i[3])
  v[4] = vn
  for k in 1..4
    v[k] = i[k]*(if on[k] > 0.5 then R_on else R_off)
    when v[k] > 0 and on[k] < 0.5
      on[k] := 1
    elsewhen i[k] < 0 and on[k] > 0.5
      on[k] := 0
    end
  end
  load = i[1] + i[2]
  load = i[3] + i[4]
  load = (vp - vn)/10
end
"""


@pytest.mark.slow
def test_a_bridge_whose_diodes_rounding_decides_goes_through_zero():
    """All four carry nothing and hold off nothing there: events at once turned them on and off without end."""
    times = np.linspace(0, 0.05, 60)
    solution = sd.loads(BRIDGE).simulate(time=(0, 0.05), saveat=times, rtol=1e-8)
    assert solution.success, solution.reason
    # Of four diodes with their resistances, two of which block.
    wanted = 10 * np.abs(10 * np.sin(74 * np.pi * times)) / (10 + 0.1 + 2e-3)
    assert solution["vp"] - solution["vn"] == pytest.approx(wanted, abs=1e-3)
    on = np.array([solution[f"on[{k}]"] for k in range(1, 5)])
    between = np.abs(wanted) > 1e-3
    assert (on[[0, 3]] == (np.sin(74 * np.pi * times) > 0))[:, between].all()
    assert (on[[1, 2]] == (np.sin(74 * np.pi * times) < 0))[:, between].all()
