"""Newton's method for initial values: from bad guesses, at singular points, for large systems, differentiated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.newton.continuation import by_damped_steps
from stiffdsl.solve.newton.square_systems import newton

ROWS, COLUMNS = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])


def circle(x, radius):
    """A circle and a hyperbola."""
    return jnp.stack([x[0] ** 2 + x[1] ** 2 - radius, x[0] * x[1] - 1.0])


def circle_jacobian(x, _):
    return jnp.stack([2 * x[0], 2 * x[1], x[1], x[0]])


@jax.jit
def on_circle(x0, radius):
    return newton(circle, circle_jacobian, ROWS, COLUMNS, x0, radius)


@pytest.mark.parametrize("x0", [[2.0, 1.0], [100.0, 1e-2], [1.0, 1.0], [0.0, 0.0], [-3.0, 1e6]])
def test_solves_from(x0):
    found = on_circle(jnp.array(x0), 4.0)
    assert bool(found.converged)
    np.testing.assert_allclose(found.residual, 0.0, atol=1e-10)


def test_says_where_there_is_no_solution():
    found = on_circle(jnp.array([2.0, 1.0]), -1.0)
    assert not bool(found.converged)
    assert int(found.worst[0]) in (0, 1)
    assert not bool(on_circle(jnp.array([np.nan, 1.0]), 4.0).converged)


def test_is_differentiated_by_the_implicit_function_theorem():
    def x(radius):
        return on_circle(jnp.array([2.0, 1.0]), radius).x

    known = (x(4.0 + 1e-5) - x(4.0 - 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.jacfwd(x)(4.0), known, rtol=1e-7)
    np.testing.assert_allclose(jax.jacrev(x)(4.0), known, rtol=1e-7)
    np.testing.assert_allclose(jax.vmap(jax.jacrev(x))(jnp.array([4.0, 5.0]))[0], known, rtol=1e-7)


def test_what_the_equations_close_over_may_be_differentiated():
    def x(a):
        return newton(lambda x, _: x**3 - a, lambda x, _: 3 * x**2, [0], [0], jnp.ones(1), None).x[0]

    np.testing.assert_allclose(jax.grad(x)(8.0), 1 / 12, rtol=1e-9)


def test_dependent_equations_are_met_where_they_agree():
    def doubled(x, c):
        return jnp.stack([x[0] + x[1] - c, 2 * x[0] + 2 * x[1] - 2 * c])

    found = newton(doubled, lambda x, c: jnp.array([1.0, 1, 2, 2]), ROWS, COLUMNS, jnp.array([3.0, 0.0]), 1.0)
    assert bool(found.converged)
    # The nearest solution to the guess.
    np.testing.assert_allclose(found.x, [2.0, -1.0], rtol=1e-9)


def test_equations_that_are_far_from_being_met_are_named():
    def contradicting(x, c):
        return jnp.stack([x[0] - c, x[1] + x[2] - 1, x[1] + x[2] - 2])

    rows, columns = np.array([0, 1, 1, 2, 2]), np.array([0, 1, 2, 1, 2])
    found = newton(contradicting, lambda x, c: jnp.ones(5), rows, columns, jnp.zeros(3), 5.0)
    assert not bool(found.converged)
    assert set(np.asarray(found.worst[:2]).tolist()) == {1, 2}


def test_a_large_sparse_system():
    # x_i^3 + x_i - x_{i-1} = 1
    n = 20_000
    rows = np.r_[np.arange(n), np.arange(1, n)]
    columns = np.r_[np.arange(n), np.arange(n - 1)]

    def residual(x, c):
        return x**3 + x - jnp.concatenate([jnp.zeros(1), x[:-1]]) - c

    def jacobian(x, c):
        return jnp.concatenate([3 * x**2 + 1, -jnp.ones(n - 1)])

    found = jax.jit(lambda c: newton(residual, jacobian, rows, columns, 10 * jnp.ones(n), c))(1.0)
    assert bool(found.converged)
    np.testing.assert_allclose(found.x[-1], 1.0, rtol=1e-9)
    empty = newton(lambda x, c: x, lambda x, c: x, [], [], jnp.zeros(0), None)
    assert bool(empty.converged)


@pytest.mark.parametrize("x0", [(1.0, 1.0), (6.0, 1.0), (-1.0, 2.0), (0.3, 0.2)])
def test_the_same_steps_without_compiling(x0):
    """Damped ones too: from far away the exponential is too steep for whole steps."""

    def residual(x, xp):
        return xp.stack([xp.exp(x[0]) + x[1] - 3.0, xp.arctan(5 * x[1]) + 0.1 * x[0]])

    def jacobian(x, xp):
        one = xp.ones_like(x[0])
        return xp.stack([xp.exp(x[0]), one, 0.1 * one, 5 / (1 + 25 * x[1] ** 2)])

    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    compiled = newton(lambda x, _: residual(x, jnp), lambda x, _: jacobian(x, jnp), rows, columns, x0, ())
    quick = by_damped_steps(lambda x: residual(x, np), lambda x: jacobian(x, np), rows, columns, np.array(x0))
    assert (quick.converged, quick.iterations) == (bool(compiled.converged), int(compiled.iterations))
    np.testing.assert_allclose(quick.x, compiled.x, rtol=1e-13)


def test_steps_without_compiling_give_up_where_the_search_would_be_stuck():
    one = np.zeros(1, dtype=int)
    found = by_damped_steps(lambda x: x**2 + 1.0, lambda x: 2 * x, one, one, np.array([3.0]))
    assert not found.converged
    np.testing.assert_array_equal(found.x, [3.0])


@pytest.mark.parametrize("current", np.geomspace(1e-2, 1e3, 12))
def test_crosses_the_kink_from_an_open_switch_to_one_that_conducts(current):
    """A diode of 1 mOhm behind a switch of 1 MOhm: where it begins, the correction is 1e8 times too long."""

    def residual(x, i, xp):
        return (24 - x) * 1e-6 - x * xp.where(x < 0, 1e3, 1e-6) - i

    def jacobian(x, xp):
        return -1e-6 - xp.where(x < 0, 1e3, 1e-6)

    one, x0, right = np.zeros(1, dtype=int), np.array([23.998]), (24e-6 - current) / (1e3 + 1e-6)
    found = newton(lambda x, i: residual(x, i, jnp), lambda x, _: jacobian(x, jnp), one, one, x0, current)
    assert bool(found.converged)
    np.testing.assert_allclose(found.x, [right], rtol=1e-9)
    quick = by_damped_steps(lambda x: residual(x, current, np), lambda x: jacobian(x, np), one, one, x0)
    assert quick.converged
    np.testing.assert_allclose(quick.x, [right], rtol=1e-9)
