"""Surrogates against baselines: every baseline learns, all learn from the same solves, and each has its row."""

import io

import numpy as np
import pytest
from rich.console import Console
from scipy.integrate import solve_ivp

pytest.importorskip("optax")
pytest.importorskip("reservoirpy")

import jax
import jax.numpy as jnp

from benchmarks.baselines import case, run
from stiffdsl.surrogate.learn.validation import errors
from tests.surrogate import tasks

OF_SCIKIT = "Gaussian processes", "kernel ridge", "small network"
LEARNS = {"RBF, raw outputs": 1e-3, "polynomial chaos": 1e-3}
# Compiling these takes most of a quick test.
LONG = "GRU", "neural ODE", "physics-informed", "pollu", "building", *case.HARD


def marked(names):
    return [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in names]


@pytest.fixture(scope="module")
def decay() -> case.BaselineCase:
    """x decays into y, at a rate that varies."""
    times = np.linspace(0.1, 2.0, 20)
    task = tasks.task(
        {"rate": (0.5, 1.5, 1.0)}, ("x", "y"), times, lambda t, k: [np.exp(-k * t), -np.expm1(-k * t)]
    )
    return case.of("decay", task, lambda t, x, p: p[0] * x[0] * jnp.array([-1.0, 1.0]), 30)


@pytest.mark.parametrize("name", marked(run.BASELINES))
def test_a_baseline_learns_what_is_easy(decay, name):
    if name in OF_SCIKIT:
        pytest.importorskip("sklearn")
    predict = run.BASELINES[name](decay, 1.0, 0)
    test = decay.data.test
    found = errors(test.trajectories, predict(test.values), decay.denominator).relative
    assert np.median(found) < LEARNS.get(name, 0.1)
    still = errors(test.trajectories, decay.raw(np.zeros_like(test.trajectories)), decay.denominator).relative
    assert np.median(found) < 0.3 * np.median(still)


def test_every_method_has_a_row_whatever_becomes_of_it(decay):
    def broken(case, budget, seed):
        raise RuntimeError("it did not converge\nat all")

    def absent(case, budget, seed):
        import a_library_that_is_not_there  # noqa: F401  # pyright: ignore[reportMissingImports]

    fits = {"broken": broken, "absent": absent, "RBF, raw outputs": run.BASELINES["RBF, raw outputs"]}
    records = list(run.measured(decay, fits | {"rbf": run.OURS["rbf"]}, 1e-6))
    assert [r["method"] for r in records] == ["full model", *fits, "rbf"]
    assert [r["state"] for r in records[1:]] == ["failed", "missing", "over budget", "over budget"]
    assert records[1]["why"] == "RuntimeError: it did not converge"
    out = io.StringIO()
    Console(file=out, width=120).print(run.table(decay, records, 1e-6))
    shown = out.getvalue()
    assert all(name in shown for name in ("full model", *fits, "rbf", "failed", "missing", "over"))


def test_all_learn_from_the_same_solves(decay):
    seen = []

    def fit(case, budget, seed):
        seen.append(case.data.training)
        return lambda values: np.ones((len(values), 20, 2))

    list(run.measured(decay, {"one": fit, "two": fit}, 1.0))
    assert seen == [decay.data.training] * 2
    # Ours asks again for solves, and may have no others.
    values = decay.data.training.values
    trajectories, ok, _ = decay.task.solve_many(values, lambda part: None)
    np.testing.assert_array_equal(trajectories, decay.data.training.trajectories)
    assert np.all(ok)
    with pytest.raises(ValueError, match="not among those"):
        decay.task.solve_many(values + 1e-3, lambda part: None)


@pytest.mark.parametrize("name", marked(case.CASES))
def test_the_equations_of_the_physics_informed_network_are_those_of_the_model(name):
    found = case.make(name, samples=4)
    p, x, t = found.data.test.values[0], found.data.test.trajectories[0], found.task.times
    rate = jax.jit(lambda t, x: found.equations(t, x, p))
    slope = jax.jit(jax.jacfwd(lambda t, x: found.equations(t, x, p), argnums=1))
    first, last = len(t) // 2, 3 * len(t) // 4
    end = solve_ivp(
        lambda t, x: np.asarray(rate(t, x)),
        (t[first], t[last]),
        x[first],
        "Radau",
        jac=lambda t, x: np.asarray(slope(t, x)),
        rtol=1e-7,
        atol=1e-14,
    )
    np.testing.assert_allclose(end.y[:, -1], x[last], rtol=1e-4, atol=1e-14)


def test_the_wrong_case_is_told(capsys, monkeypatch):
    from benchmarks.__main__ import main

    monkeypatch.setattr("sys.argv", ["benchmarks", "baselines", "bulding"])
    with pytest.raises(SystemExit):
        main()
    assert "there is no case `bulding`" in capsys.readouterr().err
