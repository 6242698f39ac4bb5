"""Stated errors of slopes are those of derivatives, on samples of their own."""

import jax
import numpy as np
import pytest

from stiffdsl.report.page import page
from stiffdsl.report.tables import validation_table
from stiffdsl.surrogate.learn import slopes
from stiffdsl.surrogate.learn.train import train
from tests.surrogate.tasks import task
from tests.surrogate.test_stated import drives_of


def wavy(**more):
    """x = exp(-k t), y that does not depend on k."""
    names = {"k": (1.0, 3.0, 2.0)}
    return task(names, ("x", "y"), np.linspace(0, 1, 20), lambda t, k: [np.exp(-k * t), 1 + t], **more)


def test_slopes_of_the_model_itself_have_no_error():
    whole = wavy()
    found = slopes.measured(
        whole, lambda v: whole.solve_many(v, lambda f: None)[0], np.array([0]), 40, 0, lambda f: None
    )
    assert found is not None
    assert found["p95"] < 1e-12
    assert found["by_output"]["y"]["p95"] == 0


def test_an_error_of_values_that_is_small_may_be_a_large_one_of_slopes():
    whole = wavy()

    def ripple(v):
        return whole.solve_many(v, lambda f: None)[0] * (1 + 5e-3 * np.sin(60 * v))[..., None]

    found = slopes.measured(whole, ripple, np.array([0]), 80, 0, lambda f: None)
    assert found is not None
    # 5e-3 * 60 = 0.3 beside a slope of -t.
    assert 0.1 < found["median"] < 5


def test_stated_slopes_are_those_that_a_gradient_finds():
    names = {"k": (1.0, 3.0, 2.0)}
    whole = task(names, ("x",), np.linspace(0, 1, 20), lambda t, k: [t * np.tanh(2 * (k - 1.7))])
    made = train(whole, "rbf", samples=8)
    stated = made.report["slopes"]
    solve = made.solver(saveat=[1.0])
    k = np.linspace(1.01, 2.99, 60)
    found = np.array([jax.jacfwd(lambda k: solve({"k": k})[0, 0])(float(v)) for v in k])
    exact = 2 / np.cosh(2 * (k - 1.7)) ** 2
    error = np.abs(found - exact) / np.maximum(exact, 0.05 * exact.max())
    assert 0 < stated["median"] < stated["p95"]
    assert np.median(error) == pytest.approx(stated["median"], rel=2)
    assert np.quantile(error, 0.95) == pytest.approx(stated["p95"], rel=2)
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as told:
        console.print(validation_table(made))
    assert "derivatives by what varies: error" in told.get()
    assert "relative error of slopes" in page(made)


def test_levels_of_inputs_move_and_stay_in_their_range():
    driven = drives_of()
    first, second = slopes.pairs(driven, 40, 0)
    assert np.all((first >= driven.low - 1e-12) & (second <= driven.high + 1e-12))
    moved = second - first
    assert np.ptp(moved[:, :30], axis=1) == pytest.approx(0, abs=1e-12)


def test_runs_that_fail_leave_none():
    failing = wavy(fails=lambda v: True)
    assert slopes.measured(failing, lambda v: np.zeros(0), np.array([0]), 40, 0, lambda f: None) is None
