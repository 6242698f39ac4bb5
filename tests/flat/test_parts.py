"""Parts that a condition leaves out, classes that take the place of others, modifiers of single elements."""

from pathlib import Path

import numpy as np
import pytest

import stiffdsl as sd
from tests.flat.flatten_text import flat, rates

NETWORK = """
connector Pin
  potential v [V]
  flow i [A]
end

partial model TwoPin
  port p : Pin
  port n : Pin
  var v [V]
  var i [A]
equations
  v = p.v - n.v
  i = p.i
  p.i + n.i = 0
end

model Resistor extends TwoPin
  param R = 1 [ohm]
equations
  v = R*i
end

model Multiple extends TwoPin
  param R = 1 [ohm]
  param times = 3
equations
  v = times*R*i
end

model Capacitor extends TwoPin(v start 1)
  param C = 1 [F]
equations
  C*der(v) = i
end

model Ground
  port p : Pin
equations
  p.v = 0
end

model Pair
  part a : Resistor(R = 5 [ohm])
  part b : Resistor
  port p : Pin
  port n : Pin
equations
  connect p, a.p
  connect a.n, b.p
  connect b.n, n
end

model Uneven extends Pair(b : Multiple(times = 4))
end

model M
  const shorted = 0
  const N = 2
  part pair : Pair(a : Multiple(times = 7))
  part uneven : Uneven
  part c : Capacitor
  part ground : Ground
  part bridge : Resistor if not shorted
  part more[N] : Resistor(R = 2 [ohm]) if shorted
equations
  connect c.p, pair.p, bridge.p, uneven.p
  connect c.n, pair.n, uneven.n, ground.p
  connect bridge.n, ground.p
  for i in 1..N
    connect more[i].p, c.p
    connect more[i].n, c.n
  end
end
"""


@pytest.mark.parametrize(("shorted", "conductance"), [(0, 1 / 36 + 1 / 9 + 1), (1, 1 / 36 + 1 / 9 + 2 / 2)])
def test_the_network_of_what_is_there(shorted, conductance):
    # `a` keeps the R = 5 that Pair gives its part: 7*5 + 1 ohm, and 5 + 4*1.
    model = flat(NETWORK, {"shorted": shorted})
    assert {b.name.partition(".")[0] for b in model.parameters} == {
        "pair", "uneven", "c", "more" if shorted else "bridge"
    }  # fmt: skip
    compiled = sd.loads(NETWORK, constants={"shorted": shorted})
    p = compiled.default_parameters
    rate = compiled.interpreted.rhs(0.0, np.array([1.0]), p, [])[0]
    assert rate == pytest.approx(-conductance, rel=1e-12)


ROOMS = """
model Room
  param C[2] = 1
  param k = 2
  input q = 0
  var T start 1
equations
  der(T) = k*(q + sum(C))*T
end

model House
  part rooms[4] : Room(k = (i for i in 1..4))
  var x[3] start (10*i for i in 1..3)
equations
  der(x) = x
end

model Large extends House(rooms[2].k = 20)
end

model M
  part h[2] : House(rooms[3].k = 30, rooms[1..2].C = 5, rooms[4].C[2] = 7, rooms[2].T start 3, x[2] start 0)
  part large : Large(rooms[1].k = 10, rooms[4].q = 1)
end
"""


def test_modifiers_of_single_elements():
    found = rates(ROOMS)
    own = [1 * 10 * 1, 2 * 10 * 3, 30 * 2 * 1, 4 * 8 * 1]
    large = [10 * 2, 20 * 2, 3 * 2, 4 * (1 + 2)]
    assert sorted(found["h"]) == sorted([*own, *own, 10, 0, 30, 10, 0, 30])
    assert sorted(found["large"]) == sorted([*large, 10, 20, 30])


def test_single_elements_of_large_arrays_cost_nothing():
    text = ROOMS.replace("rooms[4] : Room(k = (i for i in 1..4))", "rooms[50000] : Room(k = 3)")
    families = flat(text).equations
    assert sum(f.size for f in families) == 3 * 50000 + 9
    assert len(families) <= 3


def test_connectors_in_connectors():
    text = (Path(__file__).parent / "forms" / "connectors.sml").read_text(encoding="utf-8")
    text = text.replace("der(x) = house[2].load[2].i[3]", "der(x) = house[2].load[2].i[3] - 10*extra.i[3]")
    text = text.replace("  var x start 0", "  var x start 0\n  var y start 0")
    text = text.replace(
        "  der(x) =",
        "  der(y) = source.plug.phase.Q/(1 [W]) + source.plug.phase.pin[1].i/(1 [A])\n  der(x) =",
    )
    phase = [230 * np.cos(2 * np.pi * k / 3) for k in (1, 2, 3)]
    found = rates(text)
    assert found["x"][0] == pytest.approx(phase[2] / 4 - 10 * phase[1] / 4, rel=1e-12)
    assert found["y"][0] == pytest.approx(-4 * 10 - 4 * phase[0] - phase[0] / 2, rel=1e-12)
