"""Kernels end their steps on jumps in time as the loop in JAX does, one by one and side by side."""

import numpy as np
import pytest

from stiffdsl.runtime import native
from stiffdsl.runtime.inputs import Inputs, signal
from stiffdsl.runtime.native import engine, solver
from tests.native import solves
from tests.native.test_kernel import assert_same, in_jax, solved

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

# A train of pulses, whose beginning and end jump; the second condition follows from where the first stands.
TRAIN = """
model Train
  param T = 0.7
  param wide = 0.01
  input u = 0
  var x start 1
  var y start 0
equations
  der(x) = -50*(x - y)
  der(y) = u + (if time - T*floor(time/T) < wide then 100 else -y*x)
experiment
  time 0..5
end
"""
TIMES = (0.0, 0.7, 1.41, 3.0, 5.0)


@pytest.fixture(scope="module")
def train():
    return solves.model(TRAIN)


def test_takes_the_steps_of_the_portable_loop(train):
    result = solved(train, saveat=TIMES)
    assert_same(result, *in_jax(train, TIMES))
    # Nothing is left to be found by rejected steps.
    assert result.counts[1] == 0


def test_tables_and_conditions_may_jump_at_one_time(train):
    points = np.array([0.0, 0.7, 0.7, 1.0, 1.0, 5.0, 5.0]), np.array([0.0, 0.5, 3.0, 2.0, 0.0, 0.0, 9.0])
    table = signal(0, 1.0, 0.0, points, "u")
    tables = native.Tables(np.array([0]), [points[0]], [points[1]])
    result = solved(train, tables=tables, saveat=TIMES)
    assert_same(result, *in_jax(train, TIMES, inputs=Inputs(train.u, (table,))))
    assert result.counts[1] == 0


def test_lanes_side_by_side_jump_at_their_own_times(train, monkeypatch):
    p = train.p * (1 + 0.01 * np.arange(24)[:, None])
    kernel = native.build(train.program)
    assert kernel is not None
    alone = [kernel.solve(train.t0, train.t1, train.y0, row, train.u, saveat=TIMES) for row in p]
    monkeypatch.setattr(solver, "MANY", 8)
    beside = native.build(train.program)
    assert beside is not None
    found = beside.solve_lanes(train.t0, train.t1, train.y0, p, train.u, saveat=TIMES)
    assert beside.expect(len(p)) == (engine.vector_width(2) > 1)
    np.testing.assert_array_equal(found.counts, [lane.counts for lane in alone])
    np.testing.assert_allclose(found.ys, [lane.ys for lane in alone], rtol=1e-9, atol=1e-12)
