"""Static pivots in levels: complete factors on a known pattern, alone and for lanes; never a wrong number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.linear.ilu_pattern import complete_pattern
from stiffdsl.solve.linear.static import StaticLU
from tests.solve.sparse_systems import Diffusion
from tests.solve.test_krylov import example


def test_solves_what_was_factored_alone_and_in_lanes():
    rows, columns, mass, values, matrix, b = example()
    solver = StaticLU(rows, columns, mass)
    alone = solver.factor(jnp.asarray(values), 0.1)
    np.testing.assert_allclose(matrix @ solver.solve(alone, b), b, atol=1e-12)
    np.testing.assert_allclose(matrix.T @ solver.solve_transposed(alone, b), b, atol=1e-12)

    lanes = values * np.linspace(1.0, 1.2, 4)[:, None]

    def both(jacobian, b):
        lu = solver.factor(jacobian, 0.1)
        return solver.solve(lu, b), solver.solve_transposed(lu, 2 * b)

    together = jax.jit(jax.vmap(both, (0, None)))(lanes, b)
    for k, lane in enumerate(lanes):
        for found, expected in zip(together, both(jnp.asarray(lane), b), strict=True):
            np.testing.assert_allclose(found[k], expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_pattern_holds_all_that_elimination_fills(seed):
    rows, columns, mass, _, matrix, _ = example(40, seed)
    found = complete_pattern(rows, columns, mass, 1e9)
    left = matrix[found.row][:, found.column]
    for k in range(len(left)):
        assert left[k, k] != 0
        left[k + 1 :, k] /= left[k, k]
        left[k + 1 :, k + 1 :] -= np.outer(left[k + 1 :, k], left[k, k + 1 :])
    row, top = np.nonzero(left)
    assert np.all(found.factors.find(row, top) >= 0)
    # Most of it does fill: the pattern is no full matrix.
    assert len(found.factors.top) < 0.8 * len(left) ** 2


def test_pivots_that_vanish_give_no_number():
    # The last pivot of [[1, 1], [1, 1 + d]] is d.
    rows, columns, mass = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros(2)
    solver = StaticLU(rows, columns, mass)
    for d, finite in ((1.0, True), (0.0, False), (1e-17, False)):
        lu = solver.factor(-jnp.array([1.0, 1.0, 1.0, 1.0 + d]), 0.0)
        assert np.all(np.isfinite(solver.solve(lu, np.array([1.0, 2.0])))) == finite
    # Without exchange of rows this one loses all digits.
    lu = solver.factor(-jnp.array([1e-18, 1.0, 1.0, 1.0]), 0.0)
    assert not np.any(np.isfinite(solver.solve(lu, np.array([1.0, 2.0]))))


def test_what_fills_too_much_is_told():
    n = 40
    rows, columns = sp.random_array((n, n), density=0.3, rng=np.random.default_rng(0)).nonzero()
    with pytest.raises(ValueError, match="these 40 unknowns would take more than 1e\\+03 multiplications"):
        StaticLU(rows, columns, np.ones(n), most=1000.0)


@pytest.mark.parametrize("method", ["rodas5p", pytest.param("fbdf", marks=pytest.mark.slow)])
def test_a_solve_by_static_factors_is_that_by_dense_ones(method):
    system = Diffusion(30)
    y0 = np.r_[np.linspace(0.1, 0.4, 29), 0.5]
    times, args = np.array([0.5, 2.0]), (jnp.asarray(20.0), jnp.asarray(1.5))

    def solved(linear):
        solve = make_solve(system, method, linear=linear)

        def lane(b):
            return solve(0.0, 2.0, y0, (args[0], b), times, 1e-8, 1e-10)

        return jax.jit(jax.vmap(lane))(np.array([0.5, 1.5, 3.0]))

    found, expected = solved("static"), solved("dense")
    assert np.all(found.status == Status.SUCCESS)
    np.testing.assert_array_equal(found.counts.accepted, expected.counts.accepted)
    np.testing.assert_allclose(found.ys, expected.ys, rtol=1e-9)
