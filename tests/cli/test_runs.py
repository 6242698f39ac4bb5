"""Runs that a shell asks for: inputs from files, start values, sweeps, draws, sensitivities, data beside a solution."""

import csv
import json
import math

import pytest

TANK = """\
model Tank
  param k = 0.5 [1/s] in 0.2..1
  param c[2] = {1, 2}
  input u = 0 [m/s]
  var h [m] start 1
  output twice [m] = 2*h
equations
  der(h) = u - k*h*c[1]
experiment
  time 0..2, rtol 1e-9, atol 1e-12
end
"""


@pytest.fixture
def tank(folder):
    (folder / "tank.sml").write_text(TANK)
    return folder


def rows_of(text: str) -> list[dict[str, float]]:
    return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(text.splitlines())]


def last(stiffdsl, *arguments: str, name: str = "h") -> float:
    outcome = stiffdsl("simulate", "tank.sml", *arguments, "--out", "-")
    assert outcome.status == 0, outcome.err
    return rows_of(outcome.out)[-1][name]


def test_time_takes_units_and_an_end_alone(stiffdsl, tank):
    assert last(stiffdsl, "--time", "0..0.05[min]", name="time") == pytest.approx(3)
    assert last(stiffdsl, "--time", "4") == pytest.approx(math.exp(-2), rel=1e-7)


def test_arrays_and_units_in_settings_and_start_values(stiffdsl, tank):
    assert last(stiffdsl, "--set", "c={3, 2}") == pytest.approx(math.exp(-3), rel=1e-7)
    assert last(stiffdsl, "--set", "k=60[1/min]") == pytest.approx(math.exp(-2), rel=1e-7)
    assert last(stiffdsl, "--initial", "h=300[cm]") == pytest.approx(3 * math.exp(-1), rel=1e-7)
    wrong = stiffdsl("simulate", "tank.sml", "--set", "c={3, 2, 1}")
    assert (wrong.status, "`c` takes an array of 2, not an array of 3" in wrong.err) == (2, True)


def test_one_value_for_all_parts_of_an_array(stiffdsl, folder):
    text = "model P\n  param g = 1\n  var x start 1\nequations\n  der(x) = -g*x\nend\n"
    text += "model Two\n  part p[2] : P\nexperiment\n  time 0..1, rtol 1e-8\nend\n"
    (folder / "two.sml").write_text(text)
    outcome = stiffdsl("simulate", "two.sml", "--set", "p.g=2", "--out", "-")
    found = rows_of(outcome.out)[-1]
    assert found["p[1].x"] == found["p[2].x"] == pytest.approx(math.exp(-2), rel=1e-6)


def test_an_input_from_a_column_in_its_own_units(stiffdsl, tank):
    (tank / "flow.csv").write_text("t [min],u [cm/s],other\n0,50,1\n1,50,2\n")
    right = 1.0 - math.exp(-1) + math.exp(-1)
    assert last(stiffdsl, "--input", "u=flow.csv:u") == pytest.approx(right, rel=1e-7)
    which = stiffdsl("simulate", "tank.sml", "--input", "u=flow.csv")
    assert (which.status, "which column of flow.csv" in which.err) == (2, True)
    (tank / "dates.csv").write_text("day,u\n2024-01-01 00:00:00,0.5\n2024-01-01 00:01:00,0.5\n")
    assert last(stiffdsl, "--input", "u=dates.csv") == pytest.approx(right, rel=1e-7)


def test_a_file_that_ends_before_the_run_is_told_or_goes_on_as_asked(stiffdsl, tank):
    (tank / "short.csv").write_text("t,u\n0,0\n1,1\n")
    call = "simulate", "tank.sml", "--input", "u=short.csv", "--set", "k=0.2", "--initial", "h=0", "--json"
    told = stiffdsl(*call)
    sentence = "the figures of the input `u` end at 1 s, and the run ends at 2 s: its last value is held from there on"
    assert json.loads(told.out)["warnings"][0] == sentence
    assert f"warning: {sentence}" in told.err
    refused = stiffdsl(*call, "--outside", "error")
    assert (refused.status, "the run from 0 s to 2 s" in refused.err) == (1, True)
    ends = {}
    for rule in ("hold", "extend", "repeat"):
        found = json.loads(stiffdsl(*call, "--outside", rule).out)
        assert not any("figures" in warning for warning in found["warnings"])
        ends[rule] = next(row["last"] for row in found["variables"] if row["name"] == "h")
    # The response after one second, of an empty tank, to a ramp from 0 to 1 and to a step.
    left = math.exp(-0.2)
    step = (1 - left) / 0.2
    ramp = (1 - step) / 0.2
    expected = {"hold": ramp * left + step, "repeat": ramp * left + ramp, "extend": ramp * left + ramp + step}
    assert ends == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,u\n0,1\n1,x\n", "line 3: `x` is not a number"),
        ("t,u\n1,1\n0,1\n", "line 3: times must be finite and ascend"),
        ("t,u\n0,1\nnoon,1\n", "line 2: `0` is neither a number nor a date"),
        ("", "is empty"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(stiffdsl, tank, text, message):
    (tank / "wrong.csv").write_text(text)
    outcome = stiffdsl("simulate", "tank.sml", "--input", "u=wrong.csv:u")
    assert outcome.status == 1
    assert message in outcome.err


def test_a_sweep_is_one_run_for_each_combination(stiffdsl, tank):
    line = ("--sweep", "k=0.2..1:3", "--sweep", "c[2]={5, 6}", "--out", "s.csv", "--plot", "s.png", "--json")
    report = json.loads(stiffdsl("simulate", "tank.sml", *line).out)
    assert (report["ok"], report["runs"], report["failed"]) == (True, 6, 0)
    for lane in report["lanes"]:
        assert lane["last"]["twice"] == pytest.approx(2 * math.exp(-2 * lane["varied"]["k"]), rel=1e-6)
    rows = rows_of((tank / "s.csv").read_text())
    assert list(rows[0]) == ["lane", "k", "c[2]", "time", "twice"]
    assert (tank / "s.png").stat().st_size > 1000


def test_draws_stay_in_the_ranges_and_repeat_with_the_seed(stiffdsl, tank):
    line = ("simulate", "tank.sml", "--draw", "20", "--seed", "3", "--json")
    report = json.loads(stiffdsl(*line).out)
    assert report["runs"] == 20
    assert all(0.2 <= lane["varied"]["k"] <= 1 for lane in report["lanes"])
    assert json.loads(stiffdsl(*line).out)["lanes"] == report["lanes"]


def test_sensitivities_are_exact_derivatives(stiffdsl, tank):
    report = json.loads(stiffdsl("simulate", "tank.sml", "--sensitivity", "--out", "d.csv", "--json").out)
    (row,) = report["sensitivities"]
    assert (row["output"], row["parameter"], row["unit"]) == ("twice", "k", "m/(1/s)")
    assert row["at_end"] == pytest.approx(-2 * 2 * math.exp(-1), rel=1e-6)
    assert rows_of((tank / "d.csv").read_text())[-1]["d(twice)/d(k)"] == pytest.approx(row["at_end"])


def test_data_beside_a_solution(stiffdsl, tank):
    (tank / "data.csv").write_text("t,h [cm],note\n0,101,1\n1,60.653066,\n9,0,\n")
    outcome = stiffdsl("simulate", "tank.sml", "--compare", "data.csv", "--plot", "c.png", "--json")
    (row,) = json.loads(outcome.out)["compared"]
    assert (row["name"], row["values"], row["outside"]) == ("h", 2, 1)
    assert row["worst"] == pytest.approx(0.01, rel=1e-5)
    none = stiffdsl("simulate", "tank.sml", "--compare", "dates.csv")
    assert none.status == 1


def test_options_that_exclude_each_other(stiffdsl, tank):
    outcome = stiffdsl("simulate", "tank.sml", "--sweep", "k=0.2..1:3", "--sensitivity")
    assert (outcome.status, "exclude each other" in outcome.err) == (2, True)
    assert stiffdsl("simulate", "tank.sml", "-q").out == ""


def test_draws_are_by_distributions_and_inspect_lists_them(stiffdsl, folder):
    (folder / "m.sml").write_text(
        "model M\n  param k = 1 ~ normal(1, 0.1)\n  random b[2] ~ normal(0, 0.2) per occasion\n  covariate WT = 70\n"
        "  var x start 1\n  dose x\n  observe c ~ normal(x, 0.1)\nequations\n  der(x) = -k*exp(b[1])*x\n"
        "experiment\n  time 0..1\nend\n"
    )
    report = json.loads(stiffdsl("simulate", "m.sml", "--draw", "40", "--json").out)
    assert set(report["varied"]) == {"k", "b[1]", "b[2]"}
    assert set(
        json.loads(stiffdsl("simulate", "m.sml", "--draw", "9", "--set", "b=0", "--json").out)["varied"]
    ) == {"k"}
    facts = json.loads(stiffdsl("inspect", "m.sml", "--json").out)
    assert [d["name"] for d in facts["distributions"]] == ["k", "b"]
    assert (facts["covariates"], facts["doses"]) == (["WT"], ["x"])
    shown = stiffdsl("inspect", "m.sml").out
    assert "b ~ normal(0, 0.2) per occasion" in shown
    assert "c ~ normal(x, 0.1)" in shown
