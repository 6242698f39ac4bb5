"""Arguments that make no sense: refused by us, by name, before anything is solved."""

import datetime
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stiffdsl as sd

TEXT = """
model M
  const N = 3
  param k = 1 [1/s] in 0.5..2
  param w[3] = 1
  input u = 0
  var x[N] start 1
equations
  for i in 1..N
    der(x[i]) = -k*w[i]*x[i] + u
  end
experiment
  time 0..1
end
"""

DATE = datetime.datetime(2024, 1, 1)
WRONG = [1j, object(), b"x", np.zeros((2, 2)), np.array(["a"]), DATE, np.timedelta64(5, "s"), [None], {1, 2}]
NUMBERS = [*WRONG, float("nan"), 10**400, "a", "", [], [1, 2, 3, 4], {"k": 1}, len, pd.Series([1.0, 2.0])]
SHAPELESS = [*WRONG[:2], *WRONG[4:6], [None], {1, 2}, 10**400, "a", {"k": 1}, len]
MAPPINGS = [*WRONG, True, 1, "a", [1], (), len, {1: 1.0}, {None: 1.0}]
TEXTS = [*WRONG, True, 1, 1.5, [1], (), len]


@pytest.fixture(scope="module")
def model():
    return sd.loads(TEXT)


def refused(call, name, values):
    """Each of `values` ends in an error of ours that names the argument."""
    for value in values:
        with pytest.raises((ValueError, TypeError, KeyError)) as caught:
            call(value)
        assert name in str(caught.value), (value, caught.value)
        last = traceback.extract_tb(caught.value.__traceback__)[-1].filename
        assert Path(sd.__file__).parent in Path(last).parents, (value, last)


def test_loading():
    refused(sd.load, "path", TEXTS)
    refused(sd.loads, "text", TEXTS)
    refused(sd.load_surrogate, "directory", TEXTS)
    refused(lambda m: sd.loads(TEXT, m), "model", TEXTS)
    refused(lambda c: sd.loads(TEXT, constants=c), "constants", MAPPINGS)
    refused(lambda n: sd.loads(TEXT, constants={"N": n}), "N", [*NUMBERS, None])
    refused(lambda p: sd.load(p), "path", ["", "a\0b"])


@pytest.mark.parametrize("name", ["rtol", "atol", "first_step", "max_step"])
def test_tolerances_and_steps(model, name):
    refused(
        lambda v: model.simulate(**{name: v}), name, [*WRONG[:3], *WRONG[4:], float("nan"), 10**400, -1.0]
    )


def test_options(model):
    for name in ("method", "linear"):
        refused(lambda v, name=name: model.simulate(**{name: v}), name, [*TEXTS, "euler"])
    refused(
        lambda v: model.simulate(max_steps=v), "max_steps", [*WRONG, "a", float("nan"), float("inf"), 0, 1.5]
    )
    refused(lambda v: model.simulate(points=v), "points", [*NUMBERS, 1, 2.5, 10**12])
    refused(lambda v: model.simulate(progress=v), "progress", [1, "a", []])
    refused(lambda v: model.simulate(outputs=v), "outputs", [1, len, [], [1], object()])
    refused(lambda v: model.simulate(time=v), "time", [*NUMBERS[:-1], 1.0, (0, float("inf"))])
    refused(
        lambda v: model.simulate(saveat=v), "saveat", [*SHAPELESS, [], [np.nan], [0, 2, 1], np.zeros((2, 2))]
    )


def test_values_by_name(model):
    solve = model.solver(saveat=[0.0, 1.0])
    for name in ("params", "inputs"):
        refused(lambda v, name=name: model.simulate(**{name: v}), name, MAPPINGS)
        refused(lambda v, name=name: solve(**{name: v}), name, MAPPINGS)
        refused(lambda v, name=name: model.ensemble(**{"params": {"k": [1.0]}, name: v}), name, MAPPINGS)
    refused(
        lambda v: model.simulate(initial=v), "initial", [*WRONG[:3], *WRONG[4:], 1, {1: 1.0}, [np.nan] * 3]
    )
    refused(lambda v: model.simulate(params={"k": v}), "k", [*NUMBERS, None])
    refused(lambda v: solve({"k": v}), "k", [*NUMBERS, None])
    refused(lambda v: model.simulate(initial={"x": v}), "x", [*NUMBERS, None])
    refused(lambda v: model.simulate(inputs={"u": v}), "u", NUMBERS[:-2])
    refused(lambda v: model.simulate(inputs={"u": ([0.0, 1.0], v)}), "u", NUMBERS[:-1])
    masked = np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0])
    refused(lambda v: model.simulate(params={"w": v}), "w", [masked])


def test_vectors_of_the_functions(model):
    y = np.ones(3)
    for function in (model.rhs, model.jacobian):
        refused(lambda v, f=function: f(v, y), "`t`", [*WRONG, "a", [1.0, 2.0]])
        refused(lambda v, f=function: f(0.0, v), "`y`", [*WRONG, "a", 1.0, [1.0], np.ones(4)])
        refused(lambda v, f=function: f(0.0, y, v), "`p`", [*WRONG, "a", 1.0, [1.0]])
        refused(lambda v, f=function: f(0.0, y, None, v), "`u`", [*WRONG, "a", 1.0, [1.0, 2.0]])


def test_a_solution_is_asked_for_names_and_times(model):
    solution = model.simulate()
    refused(lambda v: solution[v], "name", [None, 1, 1.5, b"x", (1,)])
    refused(solution, "time", [*SHAPELESS, "a", 2.0, np.nan])


def test_times_that_miss_the_end_by_rounding(model):
    times = [0.1, 0.1 + 0.2]
    assert times[1] > 0.3
    exact = np.exp(-np.array(times))
    for found in (
        model.simulate(time=(0, 0.3), saveat=times)["x"][:, 0],
        model.solver(times, ["x[1]"], time=(0, 0.3))()[:, 0],
        model.solver(outputs=["x[1]"], time=(0, 0.3))(saveat=times)[:, 0],
        model.ensemble({"k": [1.0]}, times, ["x[1]"], time=(0, 0.3))["x[1]"][0],
    ):
        np.testing.assert_allclose(found, exact, rtol=1e-5)
    for call in (model.simulate, model.solver):
        with pytest.raises(ValueError, match=r"outside the time 0\.\.0\.3"):
            call(time=(0, 0.3), saveat=[0.1, 0.3001])


@pytest.mark.parametrize("method", ["rodas5p", "fbdf"])
def test_more_steps_than_are_counted(model, method):
    assert model.simulate(max_steps=10**10, method=method).success


@pytest.mark.parametrize("name", ["Class", "Lambda", "Import", "Math"])
def test_written_modules_can_be_imported(name, tmp_path):
    written = sd.loads(f"model {name}\n  var x start 1\nequations\n  der(x) = -x\nend\n").write(tmp_path)
    assert written.stem == f"{name.lower()}_model"
