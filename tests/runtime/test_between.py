"""Algebraic unknowns with kinks, at times between the solver's steps."""

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.model import CompiledModel
from stiffdsl.runtime import between
from stiffdsl.runtime.thresholds import Thresholds

# The kink is where x^2 = exp(-x^2), which no state shows: x has passed it at some time inside of a step.
KINK = """\
model M
  param k = 2
  var x start 1.18
  var z guess 0.9
equations
  der(x) = 0.9 - k*x
  2*z + 0.3*tanh(z) = tanh(min(x*x, exp(-x^2)))
end
"""
TIMES = np.linspace(0, 1, 41)
OPTIONS = {"time": (0, 1), "rtol": 1e-7, "atol": 1e-9}


@pytest.fixture(scope="module")
def model():
    return sd.loads(KINK)


def expected(k: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """x in closed form, z by Newton's method."""
    x = 0.9 / k + (1.18 - 0.9 / k) * np.exp(-k * TIMES)
    right, z = np.tanh(np.minimum(x * x, np.exp(-x * x))), np.full(len(x), 0.3)
    for _ in range(20):
        z = z - (2 * z + 0.3 * np.tanh(z) - right) / (2 + 0.3 / np.cosh(z) ** 2)
    return x, z


def test_saved_and_interpolated_values_hold_their_equations(model):
    x, z = expected()
    saved = model.simulate(saveat=TIMES, **OPTIONS)
    dense = model.simulate(**OPTIONS)
    checked = model.simulate(check=True, **OPTIONS)
    assert len(dense.t) < 40, "most of the times are between steps"
    for values in (saved["z"], dense(TIMES)["z"]):
        assert values == pytest.approx(z, abs=1e-6)
    assert saved["x"] == pytest.approx(x, abs=1e-6)
    assert checked.check.verdict == "ok", str(checked.check)
    assert model.simulate(points=41, **OPTIONS)["z"] == pytest.approx(z, abs=1e-6)


@pytest.mark.parametrize("operations", [100, 0], ids=["jax", "kernel"])
def test_solvers_ensembles_and_derivatives_too(operations):
    model = CompiledModel(sd.loads(KINK).program, thresholds=Thresholds(between_kernel=operations))
    assert (between.searching(model) is None) == (operations > 0)
    _, z = expected()
    solve = model.solver(saveat=TIMES, outputs=("z",), **OPTIONS)
    values, slope = jax.jvp(lambda k: solve({"k": k})[:, 0], (2.0,), (1.0,))
    assert np.asarray(values) == pytest.approx(z, abs=1e-6)
    step = 1e-5
    by_hand = (expected(2 + step)[1] - expected(2 - step)[1]) / (2 * step)
    assert np.asarray(slope) == pytest.approx(by_hand, abs=1e-4)
    batch = model.ensemble({"k": np.array([2.0, 2.1])}, saveat=TIMES, outputs=("z",), **OPTIONS)
    assert np.asarray(batch.values)[1, :, 0] == pytest.approx(expected(2.1)[1], abs=1e-6)


# x moves on a straight line, and feels nothing of the bend of z.
SMOOTH = """\
model M
  param k = 20
  var x start 0
  var y start 1
  var z guess 0
equations
  der(x) = k
  der(y) = -y
  z + 0.3*tanh(z) = tanh(x - 5)
end
"""


def smooth(k: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    """z by Newton's method, and its derivative by k."""
    right = np.tanh(k * TIMES - 5)
    z = right.copy()
    for _ in range(30):
        z = z - (z + 0.3 * np.tanh(z) - right) / (1 + 0.3 / np.cosh(z) ** 2)
    return z, (1 - right**2) * TIMES / (1 + 0.3 / np.cosh(z) ** 2)


@pytest.mark.parametrize("method", ["auto", "radau5", "kvaerno5"])
def test_smooth_bends_that_no_state_feels_shorten_steps(method):
    """They were 3e-4 to 4e-3 off between steps."""
    model, (z, _) = sd.loads(SMOOTH), smooth()
    assert model.program.curved
    assert model.simulate(saveat=TIMES, method=method, **OPTIONS)["z"] == pytest.approx(z, abs=2e-5)


@pytest.mark.slow
def test_derivatives_of_smooth_bends():
    model, (z, slope) = sd.loads(SMOOTH), smooth()
    solve = model.solver(saveat=TIMES, outputs=("z",), **OPTIONS)
    assert np.asarray(solve())[:, 0] == pytest.approx(z, abs=5e-6)
    assert np.asarray(jax.jacfwd(lambda k: solve({"k": k})[:, 0])(20.0)) == pytest.approx(slope, abs=5e-6)
    row = jax.grad(lambda k: solve({"k": k})[12, 0])(20.0)
    assert float(row) == pytest.approx(slope[12], abs=5e-6)
    lanes = model.ensemble(params={"k": np.full(8, 20.0)}, saveat=TIMES, outputs=["z"], **OPTIONS)
    assert lanes["z"][3] == pytest.approx(z, abs=5e-6)
