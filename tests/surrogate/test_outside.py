"""Calls outside of what errors are stated for are told: signals that are faster or of other shapes, defaults, lanes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.surrogate.core import signals
from stiffdsl.surrogate.core.signals import blended, drawn, read
from stiffdsl.surrogate.learn.train import train
from tests.surrogate.tasks import decay
from tests.surrogate.weather import weather

KNOTS = np.linspace(0.0, 5.0, 60)
LAG = """
model Lag
  param k = 1 in 0.5..2
  input u = 0.5
  var x start 0.5
equations
  der(x) = k*(u - x)
experiment
  time 0..5, points 60
end
"""


@pytest.fixture(scope="module")
def lag():
    return sd.loads(LAG).surrogate(vary={"k": (0.5, 2), "u": (0, 1)}, method="lpctesn", samples=128, seed=3)


def strange(kind: str, rng: np.random.Generator, M: int = 60) -> np.ndarray:
    """A signal in 0..1 that is not like those of training."""
    x, low = np.arange(M), rng.uniform(0, 0.5)
    match kind:
        case "noise":
            shape = rng.random(M)
        case "two knots a period":
            shape = 0.5 + 0.5 * np.sin(2 * np.pi * x / rng.uniform(2, 3.5))
        case "spikes":
            shape = np.zeros(M)
            shape[rng.choice(M, rng.integers(1, 5), replace=False)] = 1
        case "telegraph":
            shape = (rng.random(M) < 0.5).astype(float)
        case _:
            shape = ((x // rng.integers(2, 4)) % 2).astype(float)
    return low + rng.uniform(0.3, 0.5) * shape


@pytest.mark.parametrize("kind", ["noise", "two knots a period", "spikes", "telegraph", "square waves"])
def test_shapes_that_training_never_met_are_told(lag, kind):
    rng = np.random.default_rng(1)
    table = np.array([strange(kind, rng) for _ in range(100)])
    with pytest.warns(
        sd.OutsideDomainWarning, match="in another way than those that errors were measured on"
    ):
        batch = lag.ensemble({"k": np.full(100, 1.0)}, inputs={"u": (KNOTS, table)})
    assert batch.stats["lanes outside"] >= 98


def test_signals_as_in_training_are_not_told(lag):
    table = np.array([drawn(KNOTS, 0.0, 1.0, np.random.default_rng([77, k])) for k in range(300)])
    values, hidden, _ = lag._given.lanes({"k": np.full(300, 1.0)}, None, {"u": (KNOTS, table)})
    assert lag.region.outside(values, hidden).mean() < 0.04


def test_signals_that_move_between_knots_are_told(lag):
    fast = (lambda t: 0.5 + 0.4 * jnp.sin(90 * t), ([0, 2.0, 2.01, 2.05, 2.06, 5], [0, 0, 1.0, 1.0, 0, 0]))
    for u in fast:
        with pytest.warns(sd.OutsideDomainWarning, match="`u` moves between the times that were learnt"):
            lag.simulate(inputs={"u": u})
    solve = lag.solver(saveat=[5.0])
    with pytest.warns(sd.OutsideDomainWarning):
        solve(inputs={"u": fast[1]})


def test_how_far_a_signal_leaves_its_straight_lines():
    knots = np.linspace(0.0, 1.0, 11)
    slow = lambda t: jnp.sin(3 * t)  # noqa: E731
    assert read(slow, knots, "u")[1] < 0.2
    assert read((knots, knots**2), knots, "u")[1] == 0
    assert read(2.0, knots, "u")[1] == 0
    # A pulse of a fifth of an interval: its height counts, and so does its area.
    table = [0, 0.54, 0.541, 0.559, 0.56, 1.0], [[0, 0, 1, 1, 0, 0], [0, 0, 0.1, 0.1, 0, 0]]
    assert read(table, knots, "u")[1] == pytest.approx([1 / 0.15, 0.1 / 0.15])
    traced = jax.jit(lambda v: read((np.array(table[0]), v), knots, "u")[1])(
        jnp.array(table[1][0], dtype=float)
    )
    assert traced == pytest.approx(1 / 0.15)


def test_the_flag_inside_jit_and_vmap(lag):
    solve = lag.solver(saveat=[1.0, 5.0], outputs=("x",))

    @jax.jit
    def asked(k, v):
        return solve.full({"k": k}, inputs={"u": (KNOTS, v)})

    smooth, rough = 0.5 + 0.2 * np.sin(KNOTS), np.tile([0.3, 0.9], 30)
    both = jnp.stack([smooth, rough, smooth])
    found = jax.vmap(asked)(jnp.array([1.0, 1.0, 3.0]), both)
    assert found.outside.tolist() == [False, True, True]
    assert found.success.all()
    assert found.values.shape == (3, 2, 1)
    assert float(jax.grad(lambda k: solve.full({"k": k}, inputs={"u": 0.9}).values[0, 0])(1.0)) > 0
    again = solve({"k": 1.0}, inputs={"u": 0.9}, saveat=[5.0])
    assert again[0] == pytest.approx(solve({"k": 1.0}, inputs={"u": 0.9})[1])
    assert solve.full({"k": 1.0}, time=(0, 2.5), saveat=[2.0]).values.shape == (1, 1)
    with pytest.raises(ValueError, match="cannot be traced"):
        jax.jit(lambda t: solve(saveat=t))(jnp.ones(2))


def test_a_default_outside_of_its_range_is_told():
    made = sd.loads(LAG).surrogate(
        vary={"k": (1.5, 2), "x": (0.6, 1)}, inputs={"u": 0.1}, method="rbf", samples=16
    )
    assert made.parameters["k"].value == 1
    with pytest.warns(sd.OutsideDomainWarning, match=r"`k` = 1 lies outside 1\.5\.\.2"):
        made.simulate(initial={"x": 0.8})
    assert made.simulate(params={"k": 1.6}, initial={"x": 0.8}).success


def test_weeks_of_other_kinds_are_told_and_blends_of_examples_are_not():
    """Shapes alone: examples of three inputs, blends of them, and what is none."""
    from stiffdsl.surrogate.core.novelty import learnt_from_examples

    seen, fresh = weather(60, 1), weather(100, 2)
    low, high = seen.min((0, 2))[:, None], seen.max((0, 2))[:, None]
    seen, fresh = ((np.clip(w, low, high) - low) / (high - low) for w in (seen, fresh))

    def blends(count, seed):
        return np.array(
            [blended(seen.reshape(60, -1), np.random.default_rng([seed, k])) for k in range(count)]
        )

    others = blends(300, 3).reshape(300, 3, -1)
    shapes = learnt_from_examples(seen, np.arange(3), 0)
    assert shapes is not None
    assert shapes.strange(np, others).mean() < 0.02
    assert shapes.strange(np, fresh).mean() < 0.08
    night, rng, M = others.copy(), np.random.default_rng(4), others.shape[-1]
    night[:, 1] = np.roll(night[:, 1], M // 4, axis=1)
    assert shapes.strange(np, night).mean() > 0.99
    assert shapes.strange(np, np.roll(others, M // 4, axis=2)).mean() >= 0.99
    for kind in ("noise", "spikes", "square waves"):
        odd = others.copy()
        odd[:, 0] = [strange(kind, rng, M) for _ in odd]
        assert shapes.strange(np, odd).mean() > 0.99
    drawn = np.array([signals.drawn(np.linspace(0, 1, M), 0, 1, rng) for _ in range(300)])
    others[:, 2] = drawn
    assert shapes.strange(np, others).mean() > 0.99


def test_the_stated_speed_is_that_of_a_call():
    made = train(decay(), "rbf", samples=8)
    called = []
    whole = made.ensemble
    made.ensemble = lambda *args, **more: called.append(1) or whole(*args, **more)
    from stiffdsl.surrogate.learn.speed import measure

    before = dict(made.counts)
    speed = measure(decay(), made, made.held_out["values"], 1.0)
    assert called
    assert speed["batch"]["surrogate"] > 0
    assert made.counts == before


def test_judging_many_lanes_takes_little_memory():
    import tracemalloc

    made = train(decay(), "rbf", samples=8)
    region = made.region
    failed = np.linspace(1.0, 1.2, 500)[:, None]
    wide = type(region)(region.names, region.parameters, np.linspace(1.3, 3, 500)[:, None], failed)
    values = np.linspace(1.0, 3.0, 100_000)[:, None]
    tracemalloc.start()
    outside = wide.outside(values, np.zeros((len(values), 0)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outside.mean() == pytest.approx(0.125, abs=0.01)
    assert peak < 40e6
