"""Enumerations: labels are numbers from 1, given by name in models, modifiers, constants and calls."""

import numpy as np
import pytest

import stiffdsl as sd
from tests.flat.flatten_text import flat

ROOMS = """
enum Mode {off, heating, cooling}
enum Valve {open, closed}
const usual : Mode = heating

function power(mode) = if mode == Mode.heating then 1 else if mode == Mode.cooling then -1 else 0

model Room
  param mode : Mode = off
  var off start 1
equations
  der(off) = (if mode == heating then 1 else if mode != off then -1 else 0) - 0*off
end

model M
  const kind : Mode = usual
  param m[3] : Mode = {off, heating, cooling}
  param valve : Valve = if kind == heating then open else closed
  part a : Room(mode = cooling)
  part q[3] : Room(mode = m)
  var x start 1
equations
  if kind == heating then
    der(x) = -x*(if valve == open then 2 else 1) + power(kind)
  else
    der(x) = power(kind) + 0*x
  end
end
"""


def test_labels_stand_for_their_numbers():
    model = sd.loads(ROOMS)
    shown = {row.name: row.label for row in model.parameters}
    assert shown == {
        "m[1]": "off", "m[2]": "heating", "m[3]": "cooling", "valve": "open", "a.mode": "cooling",
        "q[1].mode": "off", "q[2].mode": "heating", "q[3].mode": "cooling",
    }  # fmt: skip
    p = model.parameter_vector({"m": "{cooling, off, heating}", "a.mode": "heating", "valve": "closed"})
    y = model.interpreted.start(p, [], 0.0)
    rates = dict(zip(model.states.names, model.interpreted.rhs(0.0, y, p, []), strict=True))
    assert rates == {"x": 0.0, "a.off": 1.0, "q[1].off": -1.0, "q[2].off": 0.0, "q[3].off": 1.0}
    for given, told in (("opened", "`valve` is one of open, closed, not `opened`"), (3, "not 3")):
        with pytest.raises(ValueError, match=told):
            model.parameter_vector({"valve": given})


def test_a_constant_is_replaced_by_a_label():
    assert sum(f.size for f in flat(ROOMS, {"kind": "cooling"}).equations) == 5
    with pytest.raises(ValueError, match="`kind` is one of off, heating, cooling, not `on`"):
        flat(ROOMS, {"kind": "on"})


def test_a_discrete_variable_changes_between_labels():
    text = """
enum Mode {off, heating}
model M
  discrete mode : Mode = off
  var T start 20
equations
  der(T) = (if mode == heating then 3 else 0) - 0.1*T
  when T < 18 and mode == off
    mode := heating
  elsewhen T > 21 and mode != off
    mode := off
  end
end
"""
    events = flat(text).events
    assert [sorted(f.size for f in flat(text).equations), len(events)] == [[1, 1], 2]


def test_a_comparison_of_labels_may_come_first_in_a_longer_condition():
    text = """
enum Mode {off, heating, cooling}
model M
  param mode : Mode = heating
  param k = 1
  var x start 0
  var y start 0
equations
  der(x) = if mode == heating and k > 0 and mode != off then 1 else 2
  der(y) = if mode != heating or k < 0 or mode == off then 1 else 2
end
"""
    model = sd.loads(text)
    for mode, rates in (("heating", [1.0, 2.0]), ("off", [2.0, 1.0])):
        p = model.parameter_vector({"mode": mode})
        assert list(model.interpreted.rhs(0.0, np.zeros(2), p, [])) == rates
