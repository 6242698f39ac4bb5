"""Ranges on the command line: units in every place, inputs and start values that are swept, declared ranges."""

import re

import pytest

import stiffdsl as sd
from stiffdsl.cli.loading import Loaded
from stiffdsl.cli.options import Sweep, Variation, VariationType
from stiffdsl.cli.ranges import bounds, interval, stretch, swept
from stiffdsl.cli.runs import RunArguments, by_kind, swept_values
from stiffdsl.cli.surrogate import ranges
from stiffdsl.diagnostics import Source

HOUSE = """\
model House
  const n = 2
  param R = 0.004 [K/W] in 0.003..0.006
  param C = 1e6 [J/K]
  input To [degC] = 5
  var T [degC] start 20
equations
  C*der(T) = (To - T)/R
experiment
  time 0..3600, points 3
end
"""


@pytest.mark.parametrize(
    ("text", "values", "unit"),
    [
        ("3..6[K/kW]:3", [3, 4.5, 6], "K/kW"),
        ("3..6:3[K/kW]", [3, 4.5, 6], "K/kW"),
        ("3 [K/kW]..6 [K/kW]:3", [3, 4.5, 6], "K/kW"),
        ("1..100[m]:3:log", [1, 10, 100], "m"),
        ("{1, 2} [m]", [1, 2], "m"),
        ("-2..2:2", [-2, 2], None),
    ],
)
def test_values_that_are_swept(text, values, unit):
    assert swept(text) == (pytest.approx(values), unit)


@pytest.mark.parametrize(
    ("reads", "text", "message"),
    [
        (interval, "-10..", "the range `-10..` has no last number: write both ends, as in -10..10"),
        (interval, "..5", "has no first number: write both ends, as in 0..5"),
        (interval, "0:10", "write it as 0..10"),
        (interval, "0, 10", "write it as 0..10"),
        (interval, "0 to 10", "write it as 0..10"),
        (interval, "0..1 h", "`1 h` is not a number; a unit stands in brackets: 1[h]"),
        (bounds, "3[m]..6", "the unit stands behind the range"),
        (bounds, "3[m]..6[mm]", "has 2 units"),
        (stretch, "0 10", "write it as 0..10"),
        (swept, "1..5", "how many values of `1..5`? Write 1..5:20"),
        (swept, "1:0.5:3", "write 1..3:5"),
        (swept, "1,2,5", "write '{1, 2, 5}'"),
        (swept, "1..5:20:lin", "`lin` is no way to space values"),
        (swept, "1", "in quotes"),
    ],
)
def test_what_is_no_range_is_told_with_what_is(reads, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        reads(text)


def test_a_unit_in_the_middle_of_a_time_is_read():
    assert stretch("0[h]..2[h]") == stretch("0..2[h]") == stretch("2[h]") == (0, 7200)


def test_inputs_and_start_values_are_swept():
    model = sd.loads(HOUSE)
    call = RunArguments(Loaded(model, Source("house.sml", HOUSE)), None, {}, {}, None, None, None)
    sweeps = (Sweep("To", [263.15, 283.15], "K"), Sweep("T", [10, 20]))
    params, inputs, initial = by_kind(call, swept_values(call, sweeps))
    assert (params, {*inputs}, {*initial}) == ({}, {"To"}, {"T"})
    assert inputs["To"] == pytest.approx([-10, -10, 10, 10])
    assert initial["T"].tolist() == [10, 20, 10, 20]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (
            "n=1..3:3",
            "`n` is a const, with which the model is compiled: run the command for each --set n=...",
        ),
        ("Tx=1..3:3", "the model has no parameter, input or state `Tx`"),
    ],
)
def test_what_cannot_be_swept(stiffdsl, folder, sweep, message):
    (folder / "house.sml").write_text(HOUSE)
    outcome = stiffdsl("simulate", "house.sml", "--sweep", sweep)
    assert (outcome.status, message in outcome.err) == (2, True), outcome.err


def test_what_varies_has_its_own_unit_or_its_declared_range():
    model = sd.loads(HOUSE)

    def told(*texts: str):
        return ranges(model, tuple(VariationType().convert(text, None, None) for text in texts))

    assert told("R", "To=263.15..283.15[K]") == {"R": (0.003, 0.006), "To": pytest.approx((-10, 10))}
    with pytest.raises(Exception, match=r"--vary C: the model declares no range for it; .*'C=1..5\[J/K\]'"):
        told("C")


def test_the_declared_range_of_an_input_is_taken_by_its_name():
    text = "model M\n  input u = 1 in 0..4\n  input v[2] = 1 in 0..3\n  var x start 1\nequations\n"
    model = sd.loads(text + "  der(x) = u + v[1] - v[2] - x\nend\n")
    assert ranges(model, (Variation("u", None, None),)) == {"u": (0.0, 4.0)}
    assert model.ranges == {}
