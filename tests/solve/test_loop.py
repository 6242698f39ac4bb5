"""The control loop: published end values, both directions of time, saving, and what is recorded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.record import record
from stiffdsl.solve.integrate.solver import make_solve
from tests.solve.problems import REFERENCES

decay = FunctionSystem(lambda t, y, k: -k * y + jnp.sin(t), 1)
TIMES = 9
solve_decay = make_solve(decay, "rodas5p")


def solved(t0, t1, y0, k, times=(), **options):
    """One compiled program for all: times that are not asked for are NaN."""
    padded = np.r_[np.asarray(times, dtype=float), np.full(TIMES - len(times), np.nan)]
    result = solve_decay(
        t0, t1, y0, k, padded, **{"rtol": 1e-9, "atol": 1e-12, "max_step": np.inf, **options}
    )
    return result._replace(ys=np.asarray(result.ys)[: len(times), 0])


def exact_decay(t):
    """Of y' = sin t - 2 y, y(0) = 1."""
    t = np.asarray(t)
    return (6 * np.exp(-2 * t) + 2 * np.sin(t) - np.cos(t)) / 5


@pytest.mark.parametrize("name", REFERENCES)
def test_published_end_values(name):
    p = REFERENCES[name]
    found = make_solve(p.system, "rodas5p")(0.0, p.end, p.y0, p.args, rtol=1e-8, atol=p.atol)
    assert int(found.status) == Status.SUCCESS
    np.testing.assert_allclose(found.y, p.value, rtol=1e-6)


def test_backward_in_time_undoes_forward():
    there = solved(0.0, 3.0, np.ones(1), 2.0)
    back = solved(3.0, 0.0, there.y, 2.0, [3.0, 1.5, 1.5, 0.0])
    assert int(back.status) == Status.SUCCESS
    np.testing.assert_allclose(back.ys, exact_decay([3.0, 1.5, 1.5, 0.0]), rtol=1e-6)
    assert float(back.t) == 0.0


def test_saveat_at_the_ends_twice_and_beyond():
    times = np.array([-1.0, 0.0, 0.0, 0.3, 0.3, 1.0, 2.0, 2.0, 2.5])
    ys = solved(0.0, 2.0, np.ones(1), 2.0, times).ys
    assert np.isnan(ys[[0, -1]]).all()
    np.testing.assert_allclose(ys[1:-1], exact_decay(times[1:-1]), rtol=1e-7)
    assert ys[1] == ys[2] == 1.0


def test_many_saves_in_one_step():
    times = np.linspace(0.9, 0.95, 8)
    result = solved(0.0, 2.0, np.ones(1), 2.0, times, rtol=1e-4, atol=1e-4)
    assert int(result.counts.accepted) < 12
    np.testing.assert_allclose(result.ys, exact_decay(times), atol=1e-4)


def test_nothing_to_save():
    result = solve_decay(0.0, 2.0, np.ones(1), 2.0, (), rtol=1e-9, atol=1e-12)
    assert result.ys.shape == (0, 1)
    np.testing.assert_allclose(result.y, exact_decay(2.0), rtol=1e-7)


def test_no_time_to_go():
    result = solved(1.0, 1.0, np.ones(1), 2.0, [1.0])
    assert (int(result.status), float(result.t), float(result.y[0]), float(result.ys[0])) == (
        0,
        1.0,
        1.0,
        1.0,
    )
    assert record(decay, "rodas5p", 1.0, 1.0, [1.0], 2.0)(1.0) == 1.0


def test_a_batch_of_solves_equals_the_solves():
    ends, ks = np.array([1.0, 0.0, -0.5, 3.0]), np.array([2.0, 2.0, 1.0, 50.0])
    times = np.linspace(0, 0.9, TIMES)
    many = jax.vmap(lambda end, k: solve_decay(0.0, end, jnp.ones(1), k, times, 1e-9, 1e-12))(ends, ks)
    for i in range(4):
        one = solved(0.0, ends[i], np.ones(1), ks[i], times)
        np.testing.assert_allclose(many.ys[i, :, 0], one.ys, rtol=1e-12)
        assert int(many.counts.accepted[i]) == int(one.counts.accepted)


def test_limits_of_steps():
    assert int(solved(0.0, 2.0, np.ones(1), 2.0, max_step=0.1).counts.accepted) >= 20
    few = make_solve(decay, "rodas5p", max_steps=3)(0.0, 2.0, np.ones(1), 2.0, rtol=1e-10)
    assert int(few.status) == Status.MAX_STEPS
    assert int(few.counts.accepted + few.counts.rejected) == 3
    found = record(decay, "rodas5p", 0.0, 2.0, [1.0], 2.0, rtol=1e-10, max_steps=3)
    assert found.status == Status.MAX_STEPS
    assert found.t[-1] == float(few.t)


def test_tolerance_by_unknown():
    pair = FunctionSystem(lambda t, y, k: -k * y, 2, time_dependent=False)
    solve = make_solve(pair, "rodas5p")
    k = np.array([1.0, 50.0])
    loose = solve(0.0, 1.0, np.ones(2), k, rtol=0.0, atol=np.array([1e-10, 10.0]))
    tight = solve(0.0, 1.0, np.ones(2), k, rtol=0.0, atol=np.array([1e-10, 1e-10]))
    assert int(loose.counts.accepted) < int(tight.counts.accepted) / 2


class TestRecord:
    def test_equals_the_pure_solve(self):
        times = np.array([0.0, 0.4, 4.0, 40.0, 400.0])
        pure = solved(0.0, 400.0, np.ones(1), 2.0, times)
        found = record(decay, "rodas5p", 0.0, 400.0, np.ones(1), 2.0, times, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.y[:, 0], pure.ys, rtol=1e-9)
        assert found.stats == {k: int(v) for k, v in pure.counts._asdict().items()}

    def test_longer_than_a_chunk(self):
        told = []
        found = record(decay, "rodas5p", 0.0, 40.0, [1.0], 2.0, max_step=0.05, progress=told.append)
        assert len(found.t) > 800
        assert len(told) >= 3
        assert told == sorted(told)
        assert told[-1] == 1.0
        np.testing.assert_allclose(found([17.03, 39.99])[:, 0], exact_decay([17.03, 39.99]), atol=1e-6)

    def test_between_and_outside_of_steps(self):
        found = record(decay, "rodas5p", 2.0, 0.0, [float(exact_decay(2.0))], 2.0, rtol=1e-9, atol=1e-12)
        times = np.linspace(0.0, 2.0, 41)
        np.testing.assert_allclose(found(times)[:, 0], exact_decay(times), rtol=1e-6)
        np.testing.assert_array_equal(found(found.t), found.y)
        assert np.isnan(found([-0.1, 2.1])).all()

    def test_saved_values_say_that_there_is_nothing_between(self):
        found = record(decay, "rodas5p", 0.0, 1.0, [1.0], 2.0, [0.5])
        with pytest.raises(ValueError, match="saveat"):
            found(0.25)

    def test_ends_early_when_interrupted(self):
        def stop(_):
            raise KeyboardInterrupt

        found = record(decay, "rodas5p", 0.0, 400.0, [1.0], 2.0, max_step=0.05, progress=stop)
        assert found.status == Status.INTERRUPTED
        assert 0 < found.t[-1] < 400
