"""Lanes in threads."""

import threading
import time

import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.integrate import ensemble
from stiffdsl.solve.integrate.ensemble import InterruptedRuns, lanes, run_lanes
from stiffdsl.solve.integrate.solver import make_solve
from tests.solve.sparse_systems import Diffusion


def test_threads_have_sparse_factors_of_their_own():
    """KLU keeps its factors outside of JAX: threads at the same time find what one thread finds, to the last bit."""
    solve = make_solve(Diffusion(200), "fbdf")
    y0 = np.r_[np.sin(np.linspace(0.1, 3.0, 199)), 0.0]
    y0[-1] = y0[0] + y0[-2]
    program = lanes(lambda end, rates: solve(0.0, end, y0, rates, rtol=1e-6, atol=1e-9).y)
    rates = jnp.stack([jnp.geomspace(30.0, 3000.0, 16), jnp.linspace(1.0, 5.0, 16)], axis=1)
    alone = [run_lanes(program, 2.0, rates[k : k + 2], 2, threads=1) for k in range(0, 16, 2)]
    beside = run_lanes(program, 2.0, rates, 16, threads=8)
    assert np.all(np.isfinite(beside))
    assert np.array_equal(beside, np.concatenate(alone))


@pytest.mark.parametrize(("seconds", "sizes"), [(0.0, {8}), (1.0, {8, 4})])
def test_few_lanes_go_together_until_they_are_slow(seconds, sizes, monkeypatch):
    """One call of the compiled program for all lanes; chunks for threads are worth compiling for slow ones alone."""
    asked, now = [], [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def program(shared, chunk):
        asked.append(len(chunk))
        now[0] += seconds
        return shared * chunk

    values, pace = np.arange(8.0), {}
    for _ in range(4):
        found = run_lanes(program, 2.0, values, 8, threads=2, pace=pace, together=True)
        np.testing.assert_array_equal(found, 2 * values)
    assert asked[:2] == [8, 8]
    assert set(asked) == sizes


def test_lanes_that_may_be_slow_are_divided_among_threads():
    asked = []
    run_lanes(lambda shared, chunk: asked.append(len(chunk)) or chunk, None, np.arange(8.0), 8, threads=2)
    assert asked == [4, 4]


def test_an_interruption_keeps_the_chunks_that_were_finished():
    def told(share):
        raise KeyboardInterrupt

    with pytest.raises(InterruptedRuns) as caught:
        run_lanes(lambda shared, chunk: (chunk, 2 * chunk), None, np.arange(9.0), 9, told, threads=2)
    stop = caught.value
    # The second chunk may not have begun.
    assert stop.lanes.tolist() in (list(range(5)), list(range(9)))
    even = stop.finished((stop.lanes % 2 == 0) & (stop.lanes < 5))
    np.testing.assert_array_equal(even.results[1], [0, 4, 8])


def test_an_interruption_waits_for_no_chunk_that_goes_on(monkeypatch):
    monkeypatch.setattr(ensemble, "PATIENCE", 0.01)
    on = threading.Event()

    def program(shared, chunk):
        if chunk[0]:
            on.wait(20)
        return chunk

    def told(share):
        raise KeyboardInterrupt

    try:
        with pytest.raises(InterruptedRuns) as caught:
            run_lanes(program, None, np.arange(4.0), 4, told, threads=2)
    finally:
        on.set()
    assert caught.value.lanes.tolist() == [0, 1]
