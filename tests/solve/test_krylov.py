"""Newton-Krylov: incomplete factors, GMRES, what they solve inside of a method, and the derivatives of that."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

import stiffdsl.native.factors.krylov as native
from stiffdsl.solve.base import kernels
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.linear.gmres import gmres
from stiffdsl.solve.linear.ilu_pattern import pattern
from stiffdsl.solve.linear.krylov import Krylov
from stiffdsl.solve.linear.level_scheduled_lu import LEAST_PIVOT, RELAXED
from stiffdsl.solve.linear.linear_systems import LinearSolver, inexact_kind
from stiffdsl.solve.linear.ordering import eliminate, estimate
from tests.solve.sparse_systems import Brusselator, Diffusion

TIERS = ["jax", "machine code"]


@pytest.fixture(params=TIERS)
def tier(request, monkeypatch):
    """Both tiers, one after the other."""
    makers = {}
    monkeypatch.setattr(kernels, "_makers", makers)
    if request.param == "machine code":
        native.provide()
    return request.param


def example(n=60, seed=0):
    """A matrix without a full diagonal, with gaps in M, and b."""
    random = np.random.default_rng(seed)
    rows, columns = np.nonzero((random.uniform(size=(n, n)) < 0.05) | np.eye(n, k=1, dtype=bool))
    rows, columns = np.r_[rows, n - 1], np.r_[columns, 0]
    mass = (np.arange(n) % 3 > 0).astype(float)
    values = np.where(columns == (rows + 1) % n, 3.0, 0.3) * random.normal(1.0, 0.1, size=len(rows))
    matrix = sp.coo_array((-values, (rows, columns)), shape=(n, n)).toarray() + 0.1 * np.diag(mass)
    return rows, columns, mass, values, matrix, random.normal(size=n)


@pytest.mark.parametrize("transposed", [False, True])
def test_solves_as_exactly_as_asked(tier, transposed):
    rows, columns, mass, values, matrix, b = example()
    krylov = Krylov(rows, columns, mass)
    near = krylov.factor(values, 0.1)[2]
    weights = np.linspace(0.5, 2.0, len(b))
    if transposed:
        matrix = matrix.T
    for threshold in (1e-2, 1e-9):
        found = krylov.approximate(near, b, weights, jnp.asarray(threshold), 200, transposed)
        left = np.linalg.norm(weights * (b - matrix @ found.x))
        assert left <= 1.01 * threshold
        np.testing.assert_allclose(found.norm, left, rtol=1e-3)
        assert 0 < found.iterations < 60


def test_what_is_not_solved_is_not_called_solved(tier):
    rows, columns, mass, values, _, b = example()
    krylov = Krylov(rows, columns, mass)
    near = krylov.factor(values, 0.1)[2]
    few = krylov.approximate(near, b, np.ones(len(b)), jnp.asarray(1e-9), 2)
    assert few.iterations == 2
    assert few.norm > 1e-9
    bad = krylov.approximate(near._replace(a=near.a * jnp.nan), b, np.ones(len(b)), jnp.asarray(1e-9))
    assert not bad.norm <= 1e-9


def test_machine_code_and_jax_agree(monkeypatch):
    rows, columns, mass, values, _, b = example(150, seed=1)
    found = []
    for provided in (False, True):
        monkeypatch.setattr(kernels, "_makers", {})
        if provided:
            native.provide()
        krylov = Krylov(rows, columns, mass)
        near = krylov.factor(values, 0.1)[2]
        found.append((near.v, krylov.approximate(near, b, np.ones(len(b)), jnp.asarray(1e-6))))
    (v, first), (w, second) = found
    np.testing.assert_allclose(v, w, rtol=1e-12)
    assert first.iterations == second.iterations
    np.testing.assert_allclose(first.x, second.x, rtol=1e-6, atol=1e-9)


def test_an_exact_solve_is_differentiated(tier):
    rows, columns, mass, values, _, b = example(30)
    solver = LinearSolver(rows, columns, mass, kind="krylov")

    def loss(values, b):
        return jnp.sum(jnp.sin(solver.solve(solver.factor(values, 0.1), b)))

    def known(values, b):
        whole = 0.1 * jnp.diag(mass) + jnp.zeros((30, 30)).at[rows, columns].add(-values)
        return jnp.sum(jnp.sin(jnp.linalg.solve(whole, b)))

    np.testing.assert_allclose(loss(values, b), known(values, b), rtol=1e-9)
    expected = jax.grad(known, (0, 1))(values, b)
    for x, y in zip(jax.jit(jax.grad(loss, (0, 1)))(values, b), expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-9)


def test_factors_without_fill_to_drop_are_complete(tier):
    # A chain fills nothing in the order of its cells.
    system = Diffusion(40)
    krylov = Krylov(system.rows, system.columns, system.mass)
    y = jnp.linspace(0.0, 1.0, 40)
    near = krylov.factor(system.jacobian(0.0, y, (1.0, 1.0)), 10.0)[2]
    found = krylov.approximate(near, jnp.ones(40), jnp.ones(40), jnp.asarray(1e-10))
    assert found.iterations <= 3


def test_gmres_is_that_of_the_book():
    # The residual after k iterations is the least over the Krylov space, restarts or not.
    random = np.random.default_rng(0)
    a, b = np.eye(12) + 0.3 * random.normal(size=(12, 12)), random.normal(size=12)
    for k in (1, 4, 9):
        found = gmres(lambda x: a @ x, lambda x: x, jnp.asarray(b), jnp.ones(12), 0.0, 12, k)
        basis = np.stack([np.linalg.matrix_power(a, i) @ b for i in range(k)], axis=1)
        least = np.linalg.lstsq(a @ basis, b, rcond=None)[0]
        np.testing.assert_allclose(found.norm, np.linalg.norm(b - a @ basis @ least), rtol=1e-6)
    restarted = gmres(lambda x: a @ x, lambda x: x, jnp.asarray(b), jnp.ones(12), 1e-8, 5, 400)
    np.testing.assert_allclose(a @ restarted.x, b, atol=1e-7)


def test_fill_of_level_one_is_that_of_the_definition():
    rows, columns, mass, *_ = example(25, seed=2)
    p = pattern(rows, columns, mass, 1)
    level = np.full((25, 25), 9)
    level[p.matrix.row, p.matrix.top] = 0
    for k in range(25):
        for i in range(k + 1, 25):
            for j in range(k + 1, 25):
                level[i, j] = min(level[i, j], level[i, k] + level[k, j] + 1)
    kept = np.zeros((25, 25), dtype=bool)
    kept[p.factors.row, p.factors.top] = True
    np.testing.assert_array_equal(kept, (level <= 1) | np.eye(25, dtype=bool))


def test_relaxed_factors_keep_the_sums_of_rows(monkeypatch):
    monkeypatch.setattr(kernels, "_makers", {})
    side = 12
    system = Brusselator(side)
    krylov = Krylov(system.rows, system.columns, system.mass)
    values = jnp.asarray(system.diffusion) + 0.0
    near = krylov.factor(values, 1.0)[2]
    p = krylov.pattern
    v = sp.csr_array((near.v, p.factors.top, p.factors.start), shape=(system.size,) * 2)
    lower = sp.tril(v, -1) + sp.eye_array(system.size)
    upper = sp.triu(v, 1) + sp.diags_array(1 / v.diagonal())
    matrix = sp.csr_array((near.a, p.matrix.top, p.matrix.start), shape=(system.size,) * 2)
    lost = np.abs((lower @ upper - matrix).sum(axis=1)).mean()
    whole = np.abs(lower @ upper - matrix).sum(axis=1).mean()
    assert lost < 1.1 * (1 - RELAXED) * whole
    assert 0 < LEAST_PIVOT < 1


def test_the_estimate_knows_grids_from_chains_and_stars():
    def entries(graph):
        found = sp.coo_array(graph)
        return found.coords[0], found.coords[1], found.shape[0]

    chain = sp.eye_array(4000) + sp.eye_array(4000, k=1) + sp.eye_array(4000, k=-1)
    star = sp.block_array([[chain, np.ones((4000, 1))], [np.ones((1, 4000)), np.ones((1, 1))]])
    for easy in (chain, star):
        assert estimate(*entries(easy)) < 10 * sp.coo_array(easy).nnz
    for side in (12, 24):
        grid = Brusselator(side)
        about = estimate(grid.rows, grid.columns, grid.size)
        assert 0.2 < about / eliminate(grid.rows, grid.columns, grid.size).multiplications < 5


def test_auto_takes_it_for_grids_only():
    assert inexact_kind(Brusselator(24), "auto") == "krylov"
    assert inexact_kind(Brusselator(24), "klu") == "klu"
    assert inexact_kind(Brusselator(6), "auto") == "auto"
    assert inexact_kind(Diffusion(5000), "auto") == "auto"


class ScaledSystem(Brusselator):
    """With a factor to differentiate by."""

    def rhs(self, t, y, args):
        return args * super().rhs(t, y, None)

    def jacobian(self, t, y, args):
        return args * super().jacobian(t, y, None)


@pytest.mark.parametrize("method", ["fbdf", "kvaerno5"])
def test_a_solve_agrees_with_one_by_factors(method, monkeypatch):
    monkeypatch.setattr(kernels, "_makers", {})
    native.provide()
    system = ScaledSystem(8)
    results = []
    for linear in ("krylov", "klu"):
        solve = make_solve(system, method, linear=linear)
        results.append(jax.jit(solve)(0.0, 0.5, system.start, 1.0, rtol=1e-7, atol=1e-9))
    by_krylov, by_factors = results
    assert by_krylov.status == Status.SUCCESS
    np.testing.assert_allclose(by_krylov.y, by_factors.y, rtol=1e-5)
    assert by_krylov.counts.linear_iterations >= by_krylov.counts.iterations
    assert by_factors.counts.linear_iterations == 0
    steps = by_factors.counts.accepted + by_factors.counts.rejected
    assert by_krylov.counts.accepted + by_krylov.counts.rejected < 1.2 * steps


def test_a_dae_is_solved_by_it(monkeypatch):
    monkeypatch.setattr(kernels, "_makers", {})
    native.provide()
    system = Diffusion(40)
    y0 = np.append(np.linspace(0.0, 1.0, 39), 1.0)
    found = [
        jax.jit(make_solve(system, "fbdf", linear=linear))(0.0, 1.0, y0, (50.0, 1.0), rtol=1e-7)
        for linear in ("krylov", "dense")
    ]
    assert found[0].status == Status.SUCCESS
    np.testing.assert_allclose(found[0].y, found[1].y, rtol=1e-5)


@pytest.mark.slow
def test_gradients_agree_with_differences(monkeypatch):
    monkeypatch.setattr(kernels, "_makers", {})
    native.provide()
    system = ScaledSystem(8)
    solve = make_solve(system, "fbdf", max_steps=400, linear="krylov")

    def loss(factor):
        return jnp.sum(solve(0.0, 0.2, system.start, factor, rtol=1e-8, atol=1e-9).y ** 2)

    value, backward = jax.jit(jax.value_and_grad(loss))(1.0)
    forward = jax.jit(lambda f: jax.jvp(loss, (f,), (1.0,))[1])(1.0)
    np.testing.assert_allclose(forward, backward, rtol=1e-8)
    only = jax.jit(loss)
    difference = (only(1.001) - only(0.999)) / 0.002
    assert value == pytest.approx(float(only(1.0)))
    np.testing.assert_allclose(backward, difference, rtol=1e-3)


def test_wrong_names_are_told():
    with pytest.raises(ValueError, match="no linear solver `krilov`; did you mean `krylov`"):
        Options(linear="krilov")
    with pytest.raises(ValueError, match="there are auto, dense, klu, krylov"):
        Options(linear="pardiso")
    with pytest.raises(ValueError, match="`tsit5` solves no linear systems"):
        Options(method="tsit5", linear="klu")
