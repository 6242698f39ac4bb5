"""Fronts that move with the parameters are learnt along the curve, between the times too; nothing else is touched."""

import jax
import numpy as np
import pytest

from stiffdsl.surrogate.learn.train import train
from stiffdsl.surrogate.methods import registry
from stiffdsl.surrogate.methods.expansion.method import RBF
from stiffdsl.surrogate.methods.registered.curves import Curve, Pace, walked
from stiffdsl.surrogate.methods.registered.fit import completed
from stiffdsl.surrogate.methods.registered.method import REGISTERED
from stiffdsl.surrogate.methods.registered.registered import at_times, in_order
from stiffdsl.surrogate.storage import load

from . import tasks


@pytest.fixture(scope="module")
def front():
    """A front at times four times apart, steeper than the times are close."""
    return train(tasks.front(), "registered", samples=32)


def test_a_steep_front_is_learnt_where_it_is(front):
    plain = train(tasks.front(), "rbf", samples=32)
    assert list(front.validation["chosen"]["clocks"]) == ["x"]
    assert front.validation["worst"] < 0.02
    assert plain.validation["p95"] > 0.05
    # Straight pieces of the curve: the output that has no clock of its own is as exact as it was.
    assert front.validation["outputs"]["y"]["worst"] == plain.validation["outputs"]["y"]["worst"]
    x = front.simulate(params={"when": 0.413, "height": 1.3}, saveat=[0.4, 0.426])["x"]
    assert np.allclose(x, [0.05 * 1.3, 1.05 * 1.3], rtol=0.01)


def test_without_solutions_between_the_times_the_front_is_blurred_over_one_step(front):
    coarse = train(tasks.front(fine=False), "registered", samples=32)
    assert coarse.validation["worst"] > 10 * front.validation["worst"]
    assert coarse.validation["median"] < 0.01


def test_batch_and_gradient_agree_with_one_call(front):
    whens = np.linspace(0.25, 0.75, 7)
    batch = front.ensemble({"when": whens, "height": 1.4})
    one = front.simulate(params={"when": whens[3], "height": 1.4})
    assert np.allclose(batch["x"][3], one["x"], rtol=1e-9)
    solve = front.solver(saveat=[0.9], outputs=("x",))
    slope = jax.grad(lambda height: solve({"when": 0.4, "height": height})[0, 0])(1.4)
    assert slope == pytest.approx(1.05, rel=0.05)


def test_intervals_hold_on_a_clock_of_its_own(front):
    low, high = front.interval({"when": 0.4, "height": 1.4})["x"]
    assert np.all(low <= high)
    assert 0.9 < front.validation["coverage"]["measured"][-1] <= 1.0


def test_a_saved_one_is_the_same_to_the_bit(front, tmp_path):
    rows = front.held_out["values"]
    again = load(front.save(tmp_path))
    assert np.array_equal(front.predict(rows), again.predict(rows))


def test_auto_takes_it_for_a_front(monkeypatch):
    monkeypatch.setattr(registry, "METHODS", (RBF, REGISTERED))
    found = train(tasks.front(), "auto", samples=32)
    assert found.method == "registered"


def test_points_are_even_along_the_curve():
    s = np.linspace(-1, 1, 2001)
    curve = Curve(s, np.tanh(50 * s)[:, None])
    at, y = walked([curve], 0, 2.0, Pace(0.5, share=True), 1)[0]
    assert at[0] == -1
    assert at[-1] == 1
    assert np.all(np.diff(at) > 0)
    assert np.max(np.abs(np.diff(y))) < 0.02


def test_curves_that_have_ended_go_on_as_their_neighbours():
    z = np.linspace(-1, 1, 24)[:, None]
    tau = np.linspace(0, 1, 40)
    whole = np.stack([np.stack([tau + 0.1 * k, k * tau]) for k in z[:, 0]])
    cut = whole.copy()
    cut[::3, :, 30:] = np.nan
    assert np.allclose(completed(z, cut), whole, atol=1e-9)


def test_times_on_a_curve_are_found():
    tau = np.linspace(0, 1, 300)
    s = np.stack([2 * tau - 1, 2 * tau**2 - 1])[None]
    y = np.stack([tau, tau])[None]
    at = np.linspace(-1, 1, 50)
    expected = np.stack([0.5 * (at + 1), np.sqrt(0.5 * (at + 1))])[None]
    for xp in (np, jax.numpy):
        assert np.allclose(at_times(xp, xp.asarray(s), xp.asarray(y), at), expected, atol=2e-3)
    ordered = in_order(np, np.array([[[-1.0, 0.5, 0.2, 3.0]]]), np.array([True]), np.array([0.0]))
    assert np.array_equal(ordered, [[[-1.0, -0.25, -0.25, 1.0]]])
