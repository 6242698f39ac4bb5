"""Promises of declarations: names, units of outputs, starts and guesses from further out."""

import numpy as np
import pytest

import stiffdsl as sd

TIERS = ("auto", "fbdf")

CIRCLE = """model P
  var x start 0.1
  var y start 0
equations
  der(x) = -x
  x^2 + y^2 = 1
end
"""
# A guess further out takes the place of a start further in, a start that of a guess; what stands together stays.
BEGINNINGS = {
    "a part": ("model M\n  part c : P(x start 0.6, y guess -0.8)\nend", "c.", 0.6, -0.8),
    "extends": ("model M extends P(x start 0.6, y guess -0.8)\nend", "", 0.6, -0.8),
    "two levels": (
        "model Q\n  part c : P(x start 0.6, y guess 0.8)\nend\n"
        "model M\n  part q : Q(c.x guess 0.5, c.y start -0.8)\nend",
        "q.c.",
        0.6,
        -0.8,
    ),
    "a part of a base": (
        "model Q\n  part c : P(x start 0.6, y guess 0.8)\nend\nmodel M extends Q(c.y guess -0.8)\nend",
        "c.",
        0.6,
        -0.8,
    ),
    "together": ("model M\n  part c : P(x start 0.6, x guess 0.2, y guess -0.8)\nend", "c.", 0.6, -0.8),
}


@pytest.mark.parametrize("case", BEGINNINGS)
def test_a_beginning_that_is_given_further_out_counts(case):
    text, prefix, x, y = BEGINNINGS[case]
    solution = sd.loads(CIRCLE + text).simulate(time=(0, 1))
    assert solution[prefix + "x"][0] == pytest.approx(x, abs=1e-9)
    assert solution[prefix + "y"][0] == pytest.approx(y, abs=1e-9)


def test_the_guess_of_a_capacitor_is_not_ignored():
    text = """from electrical import Resistor, Capacitor, Ground
    model M
      part r : Resistor(R = 1e3)
      part c : Capacitor(C = 1e-3, v guess 5)
      part g : Ground
    equations
      connect r.p, c.p
      connect r.n, c.n, g.p
    end"""
    assert sd.loads(text).simulate(time=(0, 1))["c.v"][-1] == pytest.approx(5 * np.exp(-1), rel=1e-4)


@pytest.mark.parametrize("method", TIERS)
def test_two_spellings_of_a_name_are_one_name(method):
    model = sd.loads(
        "model M\n  var x₂ start 1\n  param µ = 1\n  param H₂O = 2\n"
        "equations\n  der(x2) = -\u03bc*H2O*x₂\nend"
    )
    solution = model.simulate(time=(0, 1), params={"µ": 0.5, "H₂O": 3}, method=method, rtol=1e-8)
    assert solution["x₂"][-1] == solution["x2"][-1] == pytest.approx(np.exp(-1.5), rel=1e-6)


def test_lines_of_one_shape_know_the_spellings_of_a_name():
    count = 60
    lines = ["model M"]
    lines += [f"  var µ{k} start {k}" for k in range(1, count + 1)]
    lines += ["equations"]
    lines += [f"  der(\u03bc{k}) = -{k}*µ{k}" for k in range(1, count + 1)]
    solution = sd.loads("\n".join([*lines, "end"])).simulate(time=(0, 1), rtol=1e-8)
    for k in (1, 2, 30, 31):
        assert solution[f"µ{k}"][-1] == pytest.approx(k * np.exp(-k), rel=1e-5, abs=1e-8)


OUTPUTS = """model Room
  output hot = T
  var T [degC] start 20
equations
  der(T) = (22 [degC] - T)/(10 [s])
end
model M
  output first = second
  output second = room.T
  output through = room.hot
  output both[2] = {room.T, rooms[1].hot}
  output all[2] = (rooms[i].T for i in 1..2)
  output whole[2] = rooms.T
  output chosen = if time > 0.5 then room.T else rooms[2].T
  output highest = max(room.T, rooms[1].T)
  output power = room.P
  output twice = 2*(room.T - rooms[1].T)
  part room : Heated
  part rooms[2] : Room
end
model Heated extends Room
  var P [kW]
equations
  P = 3 [W/K]*(T - 273.15 [K])
end
"""


def test_an_output_takes_the_unit_of_what_it_names():
    model = sd.loads(OUTPUTS, model="M")
    shown = {row.name: row.unit for row in model.variables}
    degrees = ("first", "second", "through", "both[1]", "all[2]", "whole[1]", "chosen", "highest", "room.hot")
    assert {shown[name] for name in degrees} == {"degC"}
    assert shown["power"] == "kW"
    assert shown["twice"] is None
    solution = model.simulate(time=(0, 1))
    for name in degrees:
        assert solution[name][0] == pytest.approx(20)
        assert solution.to_pandas()[name].iloc[-1] == pytest.approx(22 - 2 * np.exp(-0.1), abs=1e-3)
    assert solution["power"][0] == pytest.approx(0.06)
