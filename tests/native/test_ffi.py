"""The kernel inside JAX: `jit`, `vmap`, and `vmap` of `vmap`."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl import native
from stiffdsl.native.host import engine
from tests.native import solves

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

TIMES = np.array([0.0, 1.0, 100.0, 1e4])


@pytest.fixture(scope="module")
def robertson():
    given = solves.library_model("chemistry/robertson.sml")
    return given, native.build(given.program)


def test_jit(robertson):
    given, solver = robertson
    expected = solver.solve(0.0, 1e4, given.y0, given.p, saveat=TIMES)
    run = jax.jit(lambda t1, y0, p, rtol: solver.jax_solve(0.0, t1, y0, p, saveat=TIMES, rtol=rtol))
    found = run(1e4, given.y0, given.p, 1e-6)
    assert np.array_equal(found.ys, expected.ys)
    assert found.counts.tolist() == expected.counts.tolist()
    assert float(found.t) == 1e4
    assert int(found.status) == 0


def test_vmap(robertson):
    given, solver = robertson
    p = given.p * np.linspace(0.5, 2, 6)[:, None]
    ends = np.array([1e3, 1e4])

    def one(p, t1):
        return solver.jax_solve(0.0, t1, given.y0, p, saveat=TIMES).ys

    lanes = jax.jit(jax.vmap(one, (0, None)))(p, 1e4)
    both = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(p, ends)
    assert both.shape == (6, 2, 4, 2)
    for k in range(6):
        expected = solver.solve(0.0, 1e4, given.y0, p[k], saveat=TIMES).ys
        assert np.array_equal(lanes[k], expected)
        assert np.array_equal(both[k, 1], expected)


def test_many_lanes_go_side_by_side(robertson):
    given, solver = robertson
    p = given.p * np.linspace(0.5, 2, 40)[:, None]

    def one(p):
        return solver.jax_solve(0.0, 1e4, given.y0, p, saveat=TIMES).ys

    alone = jax.jit(jax.vmap(one))(p)
    solver = native.build(given.program, sizes=native.CallSizes(side_by_side=20))
    text = jax.jit(jax.vmap(one)).lower(p).as_text()
    assert f"stiffdsl_{solver.simd.key}" in text
    assert np.array_equal(jax.jit(jax.vmap(one))(p), alone)


def test_code_outlives_its_solver(robertson):
    given, _ = robertson
    for _ in range(2):
        solver = native.build(given.program)
        found = solver.jax_solve(0.0, 10.0, given.y0, given.p)
        assert int(found.status) == 0
        del solver
        gc.collect()


def test_no_save_times_and_tables():
    given = solves.model(solves.CONSTRAINED)
    solver = native.build(given.program)
    tables = native.Tables(np.array([0]), [np.array([0.0, 1.0])], [np.array([1.0, 2.0])])
    expected = solver.solve(0.0, 2.0, given.y0, given.p, given.u, tables)

    def run(values):
        given_tables = tables._replace(values=[values])
        return solver.jax_solve(0.0, 2.0, given.y0, given.p, given.u, given_tables)

    found = jax.jit(run)(jnp.asarray(tables.values[0]))
    assert np.array_equal(found.y, expected.y)
    assert found.ys.shape == (0, 3)
