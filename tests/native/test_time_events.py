"""Kernels end their steps on jumps in time as the loop in JAX does, one by one and side by side."""

import numpy as np
import pytest

from stiffdsl import native
from stiffdsl.native.host import engine
from stiffdsl.runtime.driving.inputs import Inputs, signal
from stiffdsl.solve.base.status import Status
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


def assert_lanes_step_as_alone(given, times):
    p = given.p * (1 + 0.01 * np.arange(24)[:, None])
    kernel = native.build(given.program)
    assert kernel is not None
    alone = [kernel.solve(given.t0, given.t1, given.y0, row, given.u, saveat=times) for row in p]
    beside = native.build(given.program, sizes=native.CallSizes(side_by_side=8))
    assert beside is not None
    found = beside.solve_lanes(given.t0, given.t1, given.y0, p, given.u, saveat=times)
    assert beside.expect(len(p)) == (engine.vector_width(given.program.size) > 1)
    np.testing.assert_array_equal(found.counts, [lane.counts for lane in alone])
    np.testing.assert_allclose(found.ys, [lane.ys for lane in alone], rtol=1e-9, atol=1e-12)


def test_lanes_side_by_side_jump_at_their_own_times(train):
    assert_lanes_step_as_alone(train, TIMES)


TABLE = np.array([0.0, 0.03, 0.03, 0.05, 0.05, 0.1]), np.array([1.0, 1.2, 3.0, 2.0, 4.0, 4.0])
SAVED = (0.0, 0.0195, 0.02, 0.025, 0.03, 0.05, 0.1)


@pytest.fixture(scope="module")
def switched():
    return solves.model(solves.SWITCHED)


def test_algebraic_unknowns_jump_as_in_the_portable_loop(switched):
    table = signal(0, 1.0, 0.0, TABLE, "u")
    tables = native.Tables(np.array([0]), [TABLE[0]], [TABLE[1]])
    result = solved(switched, tables=tables, saveat=SAVED)
    assert_same(result, *in_jax(switched, SAVED, inputs=Inputs(switched.u, (table,))))
    # What is saved at the time of a jump is what comes after it.
    assert result.ys[2, 2] < 0.5 * result.ys[1, 2]


def test_a_solve_may_end_where_algebraic_unknowns_jump(switched):
    ends = switched._replace(t1=0.02)
    result = solved(ends, saveat=(0.01, 0.02))
    assert_same(result, *in_jax(ends, (0.01, 0.02)))
    np.testing.assert_array_equal(result.ys[-1], result.y)
    before = solved(switched._replace(t1=0.02 - 1e-9))
    assert result.y[2] < 0.5 * before.y[2]


def test_recorded_steps_show_both_sides_of_a_jump(switched):
    kernel = native.build(switched.program)
    assert kernel is not None
    steps = kernel.record(switched.t0, switched.t1, switched.y0, switched.p, switched.u)
    (twice,) = np.flatnonzero(np.diff(steps.t) == 0)
    assert steps.t[twice] == 0.02
    np.testing.assert_array_equal(steps.K[twice], 0.0)
    # States stay, algebraic unknowns do not.
    np.testing.assert_array_equal(steps.y[twice, :2], steps.y[twice + 1, :2])
    assert np.all(steps.y[twice + 1, 2:] < steps.y[twice, 2:])


def test_every_way_to_write_a_jump_of_algebraic_unknowns_is_the_same(switched):
    first = solved(switched, saveat=SAVED)
    for form in (solves.FORMS[0], solves.PIVOTED):
        np.testing.assert_allclose(solved(switched, form, saveat=SAVED).ys, first.ys, rtol=1e-10, atol=1e-14)


def test_lanes_side_by_side_with_algebraic_unknowns(switched):
    assert_lanes_step_as_alone(switched, SAVED)


def test_equations_without_a_solution_after_a_jump_say_so():
    root = "i*R*0.5 + sinh(w) + w*exp(i) + w + v ="
    assert root in solves.SWITCHED
    lost = solves.model(solves.SWITCHED.replace(root, "(if time < tau then w else 10 + w^2) ="))
    assert solved(lost).status == Status.JUMP
