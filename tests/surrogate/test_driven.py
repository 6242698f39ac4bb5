"""Surrogates that take inputs over time and start values: what they promise on signals that were not seen."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.solve.integrate.solution import OutsideDomainWarning
from stiffdsl.surrogate.core import signals
from stiffdsl.surrogate.learn.sample_store import CHUNK, Store
from stiffdsl.surrogate.learn.train import train
from stiffdsl.surrogate.methods.driven import filters
from stiffdsl.surrogate.methods.driven.method import DRIVEN_NPCTESN, NETWORK, REGRESSION
from stiffdsl.surrogate.methods.recurrent.fit import RecurrentTraining, RunTraining
from stiffdsl.surrogate.methods.recurrent.method import RECURRENT

from . import quick, tasks

TANK = """
model Tank
  param k = 1 [1/s] in 0.5..2
  input u = 1
  var x start 1
  var y start 0
equations
  der(x) = k*(u - x)
  der(y) = x - y
experiment
  time 0..5, points 60
end
"""


@pytest.fixture(scope="module")
def tank():
    return sd.loads(TANK)


@pytest.fixture(scope="module")
def linear(tank):
    """A linear system: its readout is linear in the reservoir."""
    return tank.surrogate(
        vary={"k": (0.8, 1.25), "u": (0, 2), "x": (0.5, 1.5)}, method="lpctesn", samples=100, seed=1
    )


def test_the_reservoir_obeys_its_equation():
    knots = np.linspace(0.0, 2.0, 41)
    rates = np.array([0.5, 30.0])
    times = np.array([0.0, 0.01, 0.33, 1.0, 2.0])
    found = filters.responses(times, knots, rates) @ np.column_stack([np.ones(41), knots])
    for k, rate in enumerate(rates, 1):
        assert np.allclose(found[k, :, 0], 1 - np.exp(-rate * times))
        assert np.allclose(found[k, :, 1], times - (1 - np.exp(-rate * times)) / rate)
    assert np.allclose(found[0, :, 1], times)


def test_the_reservoir_answers_signals_between_knots_exactly():
    """A pulse with two jumps and a ramp, by superposition of closed forms."""
    rates, times = np.array([0.5, 30.0]), np.array([0.0, 0.5, 0.8, 1.1, 1.5, 4.0])
    bends = np.array([0.2, 0.4, 0.4, 1.0, 1.0, 1.5])
    values = np.array([[0.0, 2.0, 1.0, 1.0, 3.0, 0.0]])
    found = filters.responses_to(values, bends, times, rates)[0]

    def ramp(t, rate):
        t = np.maximum(t, 0.0)
        return t + np.expm1(-rate * t) / rate

    def step(t, rate):
        return -np.expm1(-rate * np.maximum(t, 0.0))

    for k, rate in enumerate(rates, 1):
        expected = 10 * ramp(times - 0.2, rate) - 10 * ramp(times - 0.4, rate) - step(times - 0.4, rate)
        expected += 2 * step(times - 1.0, rate) - 6 * ramp(times - 1.0, rate) + 6 * ramp(times - 1.5, rate)
        assert found[:, k] == pytest.approx(expected, abs=1e-12)
    assert found[:, 0] == pytest.approx([0, 1, 1, 2.4, 0, 0])


def test_inputs_that_bend_between_the_times_learnt_are_read(tank, linear):
    """A table with knots of its own, where the surrogate knows the input at others: errors as at its own times."""
    times = np.append(np.arange(0, 5, 0.13), 5.0)
    rows = np.array([1 + 0.7 * np.sin((1 + 0.2 * k) * times + k) for k in range(20)])
    called = {"params": {"k": 1.1}, "inputs": {"u": (times, rows[0])}}
    answer, truth = linear.simulate(**called), tank.simulate(**called, saveat=linear.times)
    straight = np.interp(linear.times, times, rows[0])
    unread = called | {"inputs": {"u": (linear.times, straight)}}
    change = truth["x"] - tank.simulate(**unread, saveat=linear.times)["x"]
    assert answer["x"] - linear.simulate(**unread)["x"] == pytest.approx(
        change, abs=0.03 * np.abs(change).max()
    )
    batch = linear.ensemble({"k": np.full(20, 1.1)}, inputs={"u": (times, rows)})
    assert batch["x"][0] == pytest.approx(answer["x"], abs=1e-6)
    assert linear.solver(outputs=("x",))(**called)[:, 0] == pytest.approx(answer["x"], abs=1e-6)
    assert answer(0.5 * (linear.times[:-1] + linear.times[1:]))["x"] == pytest.approx(
        tank.simulate(**called, saveat=0.5 * (linear.times[:-1] + linear.times[1:]))["x"], abs=1e-3
    )
    slope = jax.grad(lambda v: linear.solver(outputs=("x",))(inputs={"u": (times, v)})[-1, 0])(rows[0])
    moved = rows[0] + 1e-4 * rows[1]
    ends = [linear.simulate(inputs={"u": (times, v)})["x"][-1] for v in (rows[0], moved)]
    assert slope @ rows[1] == pytest.approx((ends[1] - ends[0]) / 1e-4, rel=1e-3)


def test_drawn_signals_stay_in_their_range_and_differ():
    knots = np.linspace(0.0, 1.0, 50)
    found = np.array([signals.drawn(knots, -2.0, 3.0, np.random.default_rng(k)) for k in range(200)])
    assert found.min() >= -2
    assert found.max() <= 3
    assert found.min() < -1.9
    assert found.max() > 2.9
    assert len(np.unique(found[:, 25])) == 200


def test_unseen_inputs_and_start_values_are_answered(tank, linear):
    for u in (lambda t: 1 + 0.8 * np.sin(2 * t), 1.7, ([0.0, 1.0, 1.5, 5.0], [0.0, 2.0, 0.5, 1.0])):
        asked = {"params": {"k": 1.1}, "inputs": {"u": u}, "initial": {"x": 0.6}}
        truth = tank.simulate(**asked, saveat=linear.times)
        answer = linear.simulate(**asked)
        assert np.abs(answer["y"] - truth["y"]).max() < 0.02
        assert np.abs(answer["x"] - truth["x"]).max() < 0.03


def test_an_ensemble_has_a_signal_for_each_lane(tank, linear):
    t = linear.times
    table = 1 + 0.5 * np.sin(np.outer([1.0, 2.0, 3.0], t))
    asked = {"params": {"k": np.array([0.9, 1.0, 1.1])}, "inputs": {"u": (t, table)}}
    truth = tank.ensemble(**asked, saveat=t, outputs=("y",))
    assert np.abs(linear.ensemble(**asked, outputs=("y",))["y"] - truth["y"]).max() < 0.02
    one = linear.simulate(params={"k": 1.0}, inputs={"u": (t, table[1])})
    assert np.allclose(one["y"], linear.ensemble(**asked)["y"][1], atol=1e-9)


def test_an_ensemble_has_a_constant_for_each_lane(linear):
    batch = linear.ensemble({"k": 1.0}, inputs={"u": [0.5, 1.0, 1.5]}, outputs=("y",))
    alone = [linear.simulate(params={"k": 1.0}, inputs={"u": u})["y"] for u in (0.5, 1.0, 1.5)]
    assert np.allclose(batch["y"], alone, atol=1e-9)
    frame = batch.to_pandas()
    assert frame["u"].unique().tolist() == [0.5, 1.0, 1.5]
    assert frame.attrs["units"]["y"] == linear.about.units[linear.outputs.index("y")]


def test_what_was_not_trained_is_refused(linear):
    with pytest.raises(ValueError, match="it takes no other `v`; it takes `u`"):
        linear.simulate(inputs={"v": 1.0})
    with pytest.raises(ValueError, match="not trained for other start values of `y`; it takes `x`"):
        linear.simulate(initial={"y": 1.0})
    with pytest.raises(ValueError, match="`x` is a start value: give it in `initial`"):
        linear.simulate(params={"x": 1.0})
    with pytest.raises(ValueError, match="as many values as times"):
        linear.simulate(inputs={"u": ([0.0, 1.0], [1.0])})
    with pytest.warns(OutsideDomainWarning, match=r"`u` = 3 lies outside 0\.\.2 by 50 % of the range"):
        linear.simulate(inputs={"u": lambda t: 3.0 if t > 4 else 1.0})


def test_what_varies_is_checked(tank):
    for vary, message in (
        ({"u": 3}, "varies in a range"),
        ({"u": [lambda t: 1.0]}, "all one constant"),
        ({"k": 3}, "is a pair"),
    ):
        with pytest.raises(ValueError, match=message):
            tank.surrogate(vary=vary)
    with pytest.raises(ValueError, match="it varies: only one can be"):
        tank.surrogate(vary={"u": (0, 1)}, inputs={"u": 1.0})
    with pytest.raises(ValueError, match="`rbf` cannot take inputs"):
        tank.surrogate(vary={"u": (0, 1)}, method="rbf")
    with pytest.raises(KeyError, match="did you mean"):
        tank.surrogate(vary={"kk": (0, 1)})


def test_a_network_learns_what_is_not_linear_and_is_stored(tank, tmp_path):
    small = replace(DRIVEN_NPCTESN, network=quick.SMALL)
    steps = [lambda t, a=a: 1 + 0.5 * np.sin(a * t) for a in (0.5, 1.0, 2.0, 3.0)]
    made = tank.surrogate(vary={"k": (0.5, 2), "u": steps}, method=small, samples=48)
    assert made.method == "npctesn"
    assert made.inputs["u"].range == pytest.approx((0.5, 1.5), abs=0.02)
    assert made.validation["worst"] < 0.2
    made.save(tmp_path)
    again = sd.load_surrogate(tmp_path)
    asked = {"params": {"k": 0.7}, "inputs": {"u": steps[1]}}
    assert np.array_equal(made.simulate(**asked).y, again.simulate(**asked).y)


HEATED = """
model Heated "a room behind a wall, and a heater that saturates"
  param gain = 1 in 0.5..1.5
  input u = 0
  var room start 0
  var wall start 0
  output heat = max(0, min(1, 3*(1 - room)))
equations
  der(room) = gain*heat + wall - 2*room + u
  der(wall) = 0.3*(room + u - 2*wall)
experiment
  time 0..12, points 49
end
"""


@pytest.mark.slow
def test_answers_that_feed_back_follow_what_saturates(tmp_path):
    runs = RunTraining(4, 64, 200, 3e-3), RunTraining(None, 16, 300, 3e-3)
    training = RecurrentTraining(replace(NETWORK, width=24, steps=500), runs)
    small = replace(RECURRENT, training=training)
    made = sd.loads(HEATED).surrogate(vary={"gain": (0.5, 1.5), "u": (-2, 1)}, method=small, samples=64)
    assert made.validation["headline"] == ["heat"]
    for name, row in made.validation["outputs"].items():
        assert row["p95"] < 0.1, (name, row)
    assert 0.85 < made.validation["coverage"]["measured"][-1] <= 1
    made.save(tmp_path)
    again = sd.load_surrogate(tmp_path)
    asked = {"params": {"gain": 1.2}, "inputs": {"u": lambda t: -jnp.sin(t)}}
    whole = made.simulate(**asked)
    assert np.array_equal(whole.y, again.simulate(**asked).y)
    # An answer depends on nothing after it, but for the knot ahead that a cubic looks at.
    assert np.allclose(made.simulate(**asked, saveat=[3.0, 6.0])["room"], whole["room"][[12, 24]], atol=1e-4)
    between = made.simulate(**asked, saveat=[3.1])["room"][0]
    assert min(whole["room"][12:14]) - 0.01 < between < max(whole["room"][12:14]) + 0.01
    solve = made.solver(saveat=[6.0], outputs=("room",))
    slope = jax.grad(lambda gain: solve({"gain": gain}, inputs={"u": -1.0})[0, 0])(1.0)
    near = [float(solve({"gain": gain}, inputs={"u": -1.0})[0, 0]) for gain in (0.99, 1.01)]
    assert float(slope) == pytest.approx((near[1] - near[0]) / 0.02, rel=0.05)


def test_answers_that_feed_back_need_equal_steps(tank):
    with pytest.raises(ValueError, match="equally far apart"):
        tank.surrogate(vary={"u": (0, 1)}, method="recurrent", times=np.geomspace(0.1, 5, 60))
    with pytest.raises(ValueError, match="an input that varies"):
        tank.surrogate(method="recurrent")


def test_solves_are_stored_as_they_come_and_not_repeated(tmp_path):
    solved = []
    task = tasks.chain()

    def count(values, progress, whole=task.solve_many):
        solved.append(len(values))
        if sum(solved) == 2 * CHUNK:
            raise KeyboardInterrupt
        return whole(values, progress)

    broken = tasks.chain()
    object.__setattr__(broken, "solve_many", count)
    with pytest.raises(KeyboardInterrupt):
        train(broken, "rbf", samples=30, resume=tmp_path)
    assert Store(tmp_path, task).reused == CHUNK
    # A file that is not whole counts as missing.
    (next(iter(tmp_path.iterdir())) / "0.safetensors").write_bytes(b"half")
    resumed = train(broken, "rbf", samples=30, resume=tmp_path)
    at_once = train(task, "rbf", samples=30)
    assert np.array_equal(resumed.expansion.modes, at_once.expansion.modes)
    assert resumed.validation == at_once.validation
    # 110 samples, and a chunk of runs that measure slopes.
    assert sum(solved) < 3 * CHUNK + 110


def test_samples_are_added_where_the_error_is(tmp_path):
    def front(t, a):
        return [np.tanh(200 * (a - 1.8)) * np.exp(-t)]

    task = tasks.task({"a": (1.0, 2.0, 1.5)}, ("x",), np.linspace(0, 1, 20), front)
    made = train(task, "rbf", samples=10, goal=1e-9, max_samples=40)
    added = made.region.solved[10:40, 0]
    assert np.mean(np.abs(added - 1.8) < 0.2) > 0.5
    goal = made.validation["goal"]
    assert (goal["worst"], goal["met"]) == (1e-9, False)


def test_a_regression_over_parameters_and_time(tmp_path):
    made = train(tasks.decay(), replace(REGRESSION, network=quick.SMALL), samples=24)
    assert made.validation["worst"] < 0.01
    again = sd.load_surrogate(made.save(tmp_path))
    assert np.array_equal(made.simulate(params={"k": 2.2}).y, again.simulate(params={"k": 2.2}).y)
    with pytest.raises(ValueError, match="does not reach the start"):
        train(tasks.chain(), "regression")


def test_a_latin_hypercube(tmp_path):
    made = train(tasks.six(), "rbf", samples=24, design="lhs")
    assert made.validation["samples"]["training"] == 24
    with pytest.raises(ValueError, match="sobol or lhs, not `grid`"):
        train(tasks.six(), design="grid")
