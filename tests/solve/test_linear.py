"""Linear systems of steps: five ways to solve them, one meaning, also of their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.linear import linear_systems as linear
from stiffdsl.solve.linear.dense import Dense, LoopedLU, WrittenOut
from stiffdsl.solve.linear.linear_systems import LinearSolver
from stiffdsl.solve.linear.sparse import Sparse
from stiffdsl.solve.linear.static import StaticLU

KINDS = [
    (WrittenOut, 1),
    (WrittenOut, 3),
    (WrittenOut, 4),
    (LoopedLU, 9),
    (Dense, 9),
    (Sparse, 9),
    (StaticLU, 9),
]


def example(kind, n, monkeypatch):
    """A solver of one kind for a matrix whose diagonal has gaps, and values."""
    random = np.random.default_rng(n)
    pattern = (
        (random.uniform(size=(n, n)) < 0.4) | np.eye(n, k=1, dtype=bool) | np.eye(n, k=1 - n, dtype=bool)
    )
    rows, columns = np.nonzero(pattern)
    mass = (np.arange(n) % 2).astype(float)
    monkeypatch.setattr(linear, "_direct", kind)
    return LinearSolver(rows, columns, mass), random.normal(size=len(rows)), random.normal(size=n)


def meant(solver, jacobian, alpha, b):
    n = len(solver.mass)
    w = alpha * jnp.diag(solver.mass) + jnp.zeros((n, n)).at[solver.rows, solver.columns].add(-jacobian)
    return jnp.linalg.solve(w, b)


@pytest.mark.parametrize(("kind", "n"), KINDS)
def test_solves_and_differentiates(kind, n, monkeypatch):
    solver, jacobian, b = example(kind, n, monkeypatch)

    def found(jacobian, alpha, b):
        return solver.solve(solver.factor(jacobian, alpha), b)

    def known(jacobian, alpha, b):
        return meant(solver, jacobian, alpha, b)

    np.testing.assert_allclose(found(jacobian, 3.0, b), known(jacobian, 3.0, b), rtol=1e-10)
    expected = jax.jit(jax.jacfwd(known, (0, 1, 2)))(jacobian, 3.0, b)
    for mode in (jax.jacfwd, jax.jacrev):
        derivatives = jax.jit(mode(found, (0, 1, 2)))(jacobian, 3.0, b)
        for x, y in zip(derivatives, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "n"), [(WrittenOut, 3), (LoopedLU, 9), (Dense, 9), (Sparse, 9), (StaticLU, 9)]
)
def test_lanes_do_not_mix(kind, n, monkeypatch):
    solver, jacobian, b = example(kind, n, monkeypatch)
    jacobians = np.stack([jacobian, 2 * jacobian, jacobian + 0.1])

    def loss(f):
        return jax.jit(jax.vmap(jax.value_and_grad(lambda j: jnp.sum(f(j, 2.0, b) ** 2))))(jacobians)

    found = loss(lambda *a: solver.solve(solver.factor(*a[:2]), a[2]))
    known = loss(lambda *a: meant(solver, *a))
    for x, y in zip(found, known, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "n"), [(WrittenOut, 3), (LoopedLU, 9), (Dense, 9), (Sparse, 9), (StaticLU, 9)]
)
def test_a_singular_matrix_gives_no_small_solution(kind, n, monkeypatch):
    solver, jacobian, b = example(kind, n, monkeypatch)
    for values in (0 * jacobian, np.where(np.arange(len(jacobian)) == 1, np.nan, jacobian)):
        x = np.asarray(solver.solve(solver.factor(jnp.asarray(values), 0.0), b))
        assert not np.all(np.abs(x) < 1e12)


def test_pivots_that_fail_are_replaced(monkeypatch):
    # The analysis takes the diagonal for large; here it is next to nothing.
    n = 6
    rows, columns = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    solver = LinearSolver.__new__(LinearSolver)
    solver.rows, solver.columns, solver.mass = rows, columns, np.zeros(n)
    solver.direct = Sparse(rows, columns, np.zeros(n))
    values = np.random.default_rng(0).normal(size=n * n)
    values[rows == columns] = 1e-13
    factors = solver.factor(jnp.asarray(values), 0.0)
    assert not bool(factors.lu[1])
    x = solver.solve(factors, np.ones(n))
    np.testing.assert_allclose(solver.multiply(values, 0.0, x), np.ones(n), atol=1e-9)


def test_the_kind_follows_from_size_and_density():
    def kind(n, per_row):
        rows = np.repeat(np.arange(n), per_row)
        columns = (rows + np.tile(np.arange(per_row), n)) % n
        return type(LinearSolver(rows, columns, np.ones(n)).direct)

    assert [kind(3, 2), kind(9, 3), kind(100, 3)] == [WrittenOut, LoopedLU, Dense]
    assert [kind(200, 100), kind(5000, 3)] == [Dense, Sparse]
    assert isinstance(linear.linear_solver(FunctionSystem(lambda t, y, _: y, 2)).direct, WrittenOut)


def cyclic(n, own):
    """Two unknowns at each of n places: the diagonal is `own`, which may be small, beside what makes W regular."""
    i, a, b = np.arange(n), np.arange(n), n + np.arange(n)
    after = (i + 1) % n
    rows = np.concatenate([i, i, i, n + i, n + i, n + i])
    columns = np.concatenate([a, b, a[after], a, b, b[after]])
    values = np.concatenate(
        [
            np.full(n, own),
            np.full(n, 3.0),
            np.full(n, 0.4),
            np.full(n, -5.0),
            np.full(n, own),
            np.full(n, 0.3),
        ]
    )
    order = np.lexsort((columns, rows))
    return rows[order], columns[order], values[order]


def test_klu_takes_pivots_off_the_diagonal_where_values_say_so():
    """With pivots on the diagonal, which KLU prefers, factors would grow by a factor at every place."""
    n = 40
    rows, columns, values = cyclic(n, 0.02)
    matrix = np.zeros((2 * n, 2 * n))
    matrix[rows, columns] = -values
    linear = LinearSolver(rows, columns, np.zeros(2 * n), kind="klu", typical=lambda: (values, 1.0))
    b = np.random.default_rng(0).normal(size=2 * n)
    factors = linear.factor(jnp.asarray(values), 1.0)
    assert factors.lu[1], "the pivots serve"
    np.testing.assert_allclose(linear.solve(factors, b), np.linalg.solve(matrix, b), rtol=1e-11)
    back = jax.vjp(lambda b: linear.solve(factors, b), b)[1](b)[0]
    np.testing.assert_allclose(back, np.linalg.solve(matrix.T, b), rtol=1e-11)


@pytest.mark.parametrize("wrong", [np.inf, np.nan])
def test_klu_ends_in_no_exception_where_a_value_is_not_finite(wrong):
    rows, columns, values = cyclic(10, 1.0)
    linear = LinearSolver(rows, columns, np.zeros(20), kind="klu", typical=lambda: (values, 1.0))
    values[7] = wrong
    assert np.all(np.isnan(linear.solve(linear.factor(jnp.asarray(values), 1.0), np.ones(20))))
