"""Steps end where tables bend: no pulse is stepped over, in any method, tier or call."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.runtime import tier
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.status import Status

LAG = """
model Lag
  param tau = 1
  input u = 0
  var x start 1
equations
  tau*der(x) = u - x
experiment
  time 0..5
end
"""
METHODS = ("rodas5p", "rodas4pw", "fbdf", "kvaerno5", "radau5", "tsit5")


@pytest.fixture(scope="module")
def lag():
    return sd.loads(LAG)


def exact(t, u, tau, x):
    """The values at the points of a table: of a first-order lag, in closed form from point to point."""
    found = [x]
    for width, (u0, u1) in zip(np.diff(t), pairwise(u), strict=True):
        decay, slope = np.exp(-width / tau), (u1 - u0) / width
        found.append(u1 - slope * tau + (found[-1] - u0 + slope * tau) * decay)
    return np.array(found)


def pulse(points, low=1.03, high=1.11):
    t = np.linspace(0, 5, points)
    return t, np.where((t > low) & (t < high), 2.0, 1.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("points", [101, 4001])
def test_every_method_sees_a_pulse(lag, points, method):
    t, u = pulse(points)
    found = lag.simulate(inputs={"u": (t, u)}, saveat=[1.5], method=method)
    right = np.interp(1.5, t, exact(t, u, 1.0, 1.0))
    assert found["x"][-1] == pytest.approx(right, abs=2e-4 if method in ("fbdf", "kvaerno5") else 2e-6)


def test_one_hour_of_a_year(lag):
    t = 3600.0 * np.arange(8761)
    u = np.zeros(8761)
    u[4000] = 1.0
    found = lag.simulate(
        (0, t[-1]), {"tau": 3600.0}, {"u": (t, u)}, initial={"x": 0.0}, saveat=[t[4001], t[-1]]
    )
    # (1 - 1/e)^2 at the end of the hour after.
    assert found["x"][0] == pytest.approx(0.3995764, abs=1e-6)
    # What is constant costs nothing.
    assert found.stats["accepted"] < 100


def pulses(count):
    """Tables of 500 points with pulses of one to five of them."""
    random = np.random.default_rng(7)
    t = np.linspace(0, 5, 500)
    u = np.ones((count, 500))
    for row in u:
        at, width = random.integers(5, 490), random.integers(1, 6)
        row[at : at + width] += random.uniform(-2, 2)
    return t, u


def test_no_lane_misses_its_pulse(lag):
    t, u = pulses(200)
    batch = lag.ensemble({}, t, ["x"], inputs={"u": (t, u)}, rtol=1e-8, atol=1e-10)
    right = np.array([exact(t, row, 1.0, 1.0) for row in u])
    assert np.abs(batch["x"] - right).max() < 2e-7


def test_solvers_and_their_gradients_see_it(lag):
    t, u = pulse(101)
    value = lag.solver([1.5, 5.0], ["x"], rtol=1e-9, atol=1e-12)

    def total(tau, values):
        return jnp.sum(value({"tau": tau}, inputs={"u": (t, values)})[:, 0])

    at = np.searchsorted(t, [1.5, 5.0])
    assert total(0.7, jnp.asarray(u)) == pytest.approx(exact(t, u, 0.7, 1.0)[at].sum(), abs=1e-7)
    by_tau, by_values = jax.grad(total, (0, 1))(0.7, jnp.asarray(u))
    more, less = (exact(t, u, tau, 1.0)[at].sum() for tau in (0.7 + 1e-5, 0.7 - 1e-5))
    assert by_tau == pytest.approx((more - less) / 2e-5, rel=1e-5)
    raised = u + 1e-4 * (np.arange(len(t)) == 22)
    of_pulse = (exact(t, raised, 0.7, 1.0) - exact(t, u, 0.7, 1.0))[at].sum() / 1e-4
    assert by_values[22] == pytest.approx(of_pulse, rel=1e-5)


def test_both_tiers_take_the_same_steps(lag, monkeypatch):
    random = np.random.default_rng(3)
    t = np.sort(random.uniform(0, 5, 40))
    inputs = {"u": (t, random.normal(size=40))}
    for time in ((0, 5), (5, 0)):
        native = lag.simulate(time, inputs=inputs, points=20)
        with monkeypatch.context() as patch:
            patch.setattr(tier, "kernel", lambda *_: None)
            portable = lag.simulate(time, inputs=inputs, points=20, method="rodas5p")
        for count in ("accepted", "rejected", "rhs"):
            assert native.stats[count] == portable.stats[count]
        np.testing.assert_allclose(native["x"], portable["x"], rtol=1e-9, atol=1e-12)


def test_dense_smooth_data_need_no_step_for_each_point(lag):
    """Knots that steps pass over change the solution by less than the tolerance."""
    t = np.linspace(0, 5, 20_001)
    u = np.sin(t)
    found = lag.simulate(inputs={"u": (t, u)}, points=11, rtol=1e-6)
    assert found.stats["accepted"] + found.stats["rejected"] < 1000
    np.testing.assert_allclose(found["x"], exact(t, u, 1.0, 1.0)[::2000], atol=2e-6)
    # A smooth rise in many small bends is seen as well.
    u = np.exp(-(((t - 2.5) / 0.01) ** 2))
    found = lag.simulate(inputs={"u": (t, u)}, points=11, rtol=1e-6)
    np.testing.assert_allclose(found["x"], exact(t, u, 1.0, 1.0)[::2000], atol=2e-6)


def test_many_jumps_need_no_more_steps_than_allowed(lag):
    """Their cost does not grow with their number: 20,000 jumps, six steps each."""
    edges = np.arange(20_001) * 0.2
    t, u = np.stack([edges[:-1], edges[1:]], 1).ravel(), np.repeat(np.arange(20_000) % 2, 2)
    found = lag.simulate((0, edges[-1]), inputs={"u": (t, u)}, saveat=[edges[-1]])
    x, decay = 1.0, np.exp(-0.2)
    for k in range(20_000):
        x = k % 2 + (x - k % 2) * decay
    assert found.status == Status.SUCCESS
    assert found["x"][-1] == pytest.approx(x, abs=1e-7)
    assert found.stats["accepted"] + found.stats["rejected"] < 130_000


@pytest.mark.parametrize("method", ["rodas5p", "tsit5"])
def test_a_solve_that_gets_nowhere_is_given_up(method):
    text = "var x start 1\nequations\n  der(x) = 1e9*cos(1e9*time)\nexperiment\n  time 0..1\nend"
    assert sd.loads(f"model M\n  {text}").simulate(saveat=[1.0], method=method).status == Status.MAX_STEPS


def test_max_step_bounds_steps_everywhere(lag):
    counted = lag.solver([5.0], ["x"], max_step=0.01).full().steps
    assert 500 <= int(counted) < 520
    batch = lag.ensemble({"tau": [1.0, 2.0]}, [5.0], ["x"], max_step=0.01)
    assert 1000 <= batch.stats["accepted"] < 1040
    by_tau = jax.grad(lambda tau: lag.solver([1.0], ["x"], max_step=0.01)({"tau": tau})[0, 0])(2.0)
    assert by_tau == pytest.approx(np.exp(-0.5) / 4, rel=1e-6)


def test_auto_counts_the_points_of_tables(monkeypatch):
    text = (
        "input u = 0\n  var x[300] start 1\nequations\n  for i in 1..300\n    der(x[i]) = u - i*x[i]\n  end"
    )
    model = sd.loads(f"model M\n  {text}\nend")
    monkeypatch.setattr(tier, "kernel", lambda *_: None)
    t = np.linspace(0, 1, 1200)
    signals = [model.bindings.driven({"u": (at, np.sin(30 * at))})[1] for at in (t, t[::300])]
    methods = [tier.chosen(model, Options(), driven) for driven in signals]
    assert methods == ["rodas5p", "fbdf"]
