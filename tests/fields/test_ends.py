"""Ends of fields as authors write them."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import Source
from stiffdsl.syntax.parse import parse
from stiffdsl.syntax.show import show

LINE = """model Line
  param h = 2
  field c(x) over -1..1 cells 4
  field d(x) over -h..h cells 4
  output slope = grad(d) at -h
equations
  0 = div(grad(c))
  c at -1 = 3
  c at 1 = 1
  0 = div(grad(d))
  d at -h = 0
  grad(d) at (h) = c at -1
end
"""


def test_an_end_with_a_minus_sign():
    shown = show(parse(Source("line", LINE)))
    assert "c at -1 = 3" in shown
    assert "grad(d) at -h" in shown
    sol = sd.loads(shown).simulate((0, 1))
    np.testing.assert_allclose(sol["c"][-1], 3 - (np.array([-0.75, -0.25, 0.25, 0.75]) + 1), rtol=1e-10)
    np.testing.assert_allclose(sol["slope"][-1], 3, rtol=1e-10)


LAYERS = """model Layer
  param L = 1 [mm]
  field c(x) over 0..L cells 5
equations
  0 = div(grad(c))
  c at 0 = 1
  grad(c) at L = 0
end
model Layers
  param s = {s} [mm]
  part a : Layer(L = s)
  part b : Layer(L = {b})
end
"""


def test_an_end_stays_behind_the_other_end():
    model = sd.loads(LAYERS.format(s=2, b=1))
    with pytest.raises(ValueError, match=r"`a.L` is below its `min`: -1 \[mm\] for 0"):
        model.simulate((0, 1), params={"s": -1})
    with pytest.raises(sd.ModelError, match="E0331"):
        sd.loads(LAYERS.format(s=2, b=-1))


def test_the_grid_of_a_field_is_not_set_by_itself():
    with pytest.raises(sd.ModelError, match=r"`b\.c\.cells` is not set by itself"):
        sd.loads(LAYERS.format(s=2, b=1), constants={"b.c.cells": 7})


def test_two_equations_for_one_field_are_told_by_the_second():
    text = (
        "model M\n  field c(x) over 0..1 cells 3 start 1\nequations\n  der(c) = div(grad(c))\n  der(c) = 0\n"
    )
    with pytest.raises(sd.ModelError, match=r"E0312.*two equations give `der\(c\)`") as caught:
        sd.loads(text + "  grad(c) at 0 = 0\n  grad(c) at 1 = 0\nend\n")
    assert [label.span.line for label in caught.value.diagnostics[0].labels] == [5, 4]


CHOSEN = """model Chosen
  {kind} open = {open}
  field c(x) over 0..1 cells 5
  field d(x) over 0..1 cells 5
  output out = -(grad(c) at 1)
equations
  0 = div(grad(c))
  0 = div(3*grad(d))
  d at 1 = 0
  c at 0 = 1
  if open > 0 then
    {first}
    d at 0 = 2
  elseif open < -1 then
    grad(c) at 1 = 0
    d at 0 = 1
  else
    c at 1 = 0.5
    grad(d) at 0 = -6
  end
end
"""


@pytest.mark.parametrize("kind", ["const", "param", "input"])
def test_conditions_at_ends_stand_in_blocks_of_equations(kind):
    robin = "-(grad(c) at 1) = 3*(c at 1)"
    for open, out, middle in ((1, 0.75, 1.0), (0, 0.5, 3.0), (-2, 0, 0.5)):
        sol = sd.loads(CHOSEN.format(kind=kind, open=open, first=robin)).simulate((0, 1))
        assert sol["out"][-1] == pytest.approx(out, abs=1e-12)
        assert sol["d"][-1][2] == pytest.approx(middle, rel=1e-12)


JOINED = """model Joined
  const joined = {joined}
  field c(x) over 0..1 cells 5
  field d(x) over 0..1 cells 5
equations
  0 = div(grad(c))
  0 = div(3*grad(d))
  c at 0 = 1
  d at 1 = 0
  if joined then
    connect c at 1, d at 0
  else
    {other}
    d at 0 = 3
  end
end
"""


def test_ends_are_joined_in_blocks_of_equations():
    def last(joined, other):
        sol = sd.loads(JOINED.format(joined=joined, other=other)).simulate((0, 1))
        return [*sol["c"][-1][[0, -1]], sol["d"][-1][0]]

    assert last(1, "grad(c) at 1 = 0") == pytest.approx([0.925, 0.325, 0.225], rel=1e-12)
    assert last(0, "grad(c) at 1 = 0") == pytest.approx([1, 1, 2.7], rel=1e-12)
    with pytest.raises(sd.ModelError, match=r"E0330.*`c` has no condition at 1"):
        last(0, "")


CROSSED = """model Crossed
  param a = {a}
  param L = 1
  param b = a + L
  field c(x) over a..{end} cells 5 start 0
equations
  der(c) = div(grad(c))
  c at a = 1
  c at {end} = 0
end
"""
CARRIED = """model Carried
  param v = 1
  param w = 2
  input u = 1
  var z start 0.5
  field c(x) over 0..1 cells 5 start 0
equations
  der(z) = -1
  der(c) = -div(upwind({speed}, c))
  c at {end} = 1
end
"""


def test_ends_that_parameters_cross_are_refused():
    with pytest.raises(sd.ModelError, match=r"E0315.*the field `c` ends where it begins, or before"):
        sd.loads(CROSSED.format(a=0, end="b").replace("L = 1", "L = -1"))
    model = sd.loads(CROSSED.format(a=0, end="b"))
    with pytest.raises(ValueError, match="the field `c` ends where it begins, or before"):
        model.simulate((0, 1), params={"L": -0.5})
    with pytest.raises(ValueError, match="the field `c` ends where it begins, or before"):
        sd.loads(CROSSED.format(a=0, end="L")).simulate((0, 1), params={"a": 2})


@pytest.mark.parametrize(
    ("speed", "end", "other"), [("v", 1, 0), ("-v", 0, 1), ("v*exp(w)", 1, 0), ("-2", 0, 1)]
)
def test_what_is_carried_along_comes_in_where_its_value_is_said(speed, end, other):
    with pytest.raises(sd.ModelError, match=f"E0315.*the field `c` comes in at {other}, where nothing gives"):
        sd.loads(CARRIED.format(speed=speed, end=end))
    model = sd.loads(CARRIED.format(speed=speed, end=other))
    if "v" in speed:
        with pytest.raises(
            ValueError, match=f"the field `c` comes in at {end}, where nothing gives its value"
        ):
            model.simulate((0, 1), params={"v": -1.0})


@pytest.mark.slow
def test_what_is_carried_back_is_told():
    """What more than parameters decide is told after a run; lanes whose parameters make no sense have no values."""
    found = sd.loads(CARRIED.format(speed="z", end=0)).simulate((0, 1))
    (note,) = found.notes
    assert note.startswith("the field `c` comes in at 1, where nothing gives its value, first at time 0.5")
    assert not sd.loads(CARRIED.format(speed="z + 1", end=0)).simulate((0, 1)).notes
    model = sd.loads(CARRIED.format(speed="v", end=0))
    lanes = model.ensemble({"v": [1.0, -1.0]}, saveat=[1.0], time=(0, 1))
    assert lanes.success.tolist() == [True, False]
    assert np.isnan(lanes["c"][1]).all()
    lanes = sd.loads(CROSSED.format(a=0, end="b")).ensemble({"L": [1.0, -1.0]}, saveat=[1.0], time=(0, 1))
    assert lanes.success.tolist() == [True, False]
    assert np.isnan(lanes["c"][1]).all()


def test_outputs_at_ends_and_means_are_in_the_unit_of_the_field():
    text = """
model Slab
  field T(x) [degC] over 0..1 cells 4 start 20
  output end = T at 1
  output average = mean(T)
equations
  der(T) = div(grad(T))
  grad(T) at 0 = 0
  grad(T) at 1 = 0
end
"""
    run = sd.loads(text).simulate((0, 1), saveat=[1.0])
    assert [run[name][0] for name in ("end", "average")] == pytest.approx([20, 20])
    own = text + "\nfunction mean(a) = 2*a[1]\n"
    assert sd.loads(own).simulate((0, 1), saveat=[1.0])["average"][0] == pytest.approx(2 * 293.15)
