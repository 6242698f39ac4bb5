"""ESDIRK methods and Radau IIA: coefficients, order of steps and of dense output, published values, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.dense_output import interpolate
from stiffdsl.solve.base.method import Tolerance
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.methods.collocation import radau_iia
from stiffdsl.solve.methods.esdirk_tableau import KENCARP47, KVAERNO5
from stiffdsl.solve.methods.make import make_method
from stiffdsl.solve.methods.radau import RadauIIA
from tests.solve.problems import REFERENCES
from tests.solve.sparse_systems import Diffusion

METHODS = ("kvaerno5", "radau5", "radau9", "kencarp47")


def forced(t, y, rate):
    """y = exp(sin t) (sin, cos)(t); the second unknown may be algebraic, with an equation that is not linear."""
    return jnp.stack([y[1] + jnp.cos(t) * y[0], rate * (-y[0] + jnp.cos(t) * y[1])])


def algebraic(t, y, rate):
    wave = jnp.exp(jnp.sin(t)) * jnp.cos(t)
    return forced(t, y, rate).at[1].set(y[1] - wave + 0.1 * rate * (y[0] ** 3 - (wave * jnp.tan(t)) ** 3))


ODE, DAE = FunctionSystem(forced, 2), FunctionSystem(algebraic, 2, mass=[1, 0])


def exact(t):
    return np.exp(np.sin(t)) * np.array([np.sin(t), np.cos(t)])


def test_conditions_on_kvaerno5():
    A_MATRIX, C = KVAERNO5.a_matrix, KVAERNO5.c
    b = A_MATRIX[-1]
    np.testing.assert_allclose([b @ C**q for q in range(5)], 1 / np.arange(1, 6), atol=1e-14)
    # A c = c^2/2 (stage order two) leaves these of the conditions of order five, and those of its estimate.
    np.testing.assert_allclose(A_MATRIX @ C, C**2 / 2, atol=1e-14)
    rooted = [
        b @ A_MATRIX @ C**2,
        b @ A_MATRIX @ C**3,
        b @ (C * (A_MATRIX @ C**2)),
        b @ A_MATRIX @ A_MATRIX @ C**2,
    ]
    np.testing.assert_allclose(rooted, [1 / 12, 1 / 20, 1 / 15, 1 / 60], atol=1e-14)
    np.testing.assert_allclose([A_MATRIX[-2] @ C**q for q in range(4)], 1 / np.arange(1, 5), atol=1e-14)
    assert np.all(np.diag(A_MATRIX)[1:] == KVAERNO5.gamma)


def test_conditions_on_kencarp47():
    A, c, e = KENCARP47.a_matrix, KENCARP47.c, np.array(KENCARP47.e)
    np.testing.assert_allclose([A[-1] @ c**q for q in range(4)], 1 / np.arange(1, 5), atol=1e-14)
    np.testing.assert_allclose(A @ c, c**2 / 2, atol=1e-14)
    np.testing.assert_allclose(A[-1] @ A @ c**2, 1 / 12, atol=1e-14)
    np.testing.assert_allclose([e @ c**q for q in range(3)], 0, atol=1e-14)


def test_coefficients_of_radau5_are_those_published():
    formula, root = radau_iia(3), np.sqrt(6)
    np.testing.assert_allclose(formula.c, [(4 - root) / 10, (4 + root) / 10, 1], atol=1e-15)
    np.testing.assert_allclose(formula.A[-1], [(16 - root) / 36, (16 + root) / 36, 1 / 9], atol=1e-15)
    split = (formula.gamma, *formula.alphas, *formula.betas)
    np.testing.assert_allclose(
        split, (3.6378342527444957, 2.6810828736277521, 3.0504301992474105), rtol=1e-14
    )
    np.testing.assert_allclose(formula.e, [-(13 + 7 * root) / 3, (7 * root - 13) / 3, -1 / 3], rtol=1e-13)


def test_radau9_is_of_order_nine():
    formula = radau_iia(5)
    np.testing.assert_allclose(
        [formula.A[-1] @ formula.c**q for q in range(9)], 1 / np.arange(1, 10), atol=1e-14
    )


@pytest.mark.parametrize(
    ("name", "end", "inside", "h", "tolerance"),
    [
        ("kvaerno5", 6, 5, 0.08, 1e-11),
        ("kencarp47", 5, 5, 0.08, 1e-11),
        ("radau5", 6, 5, 0.2, 1e-10),
        ("radau9", 10, 7, 0.5, 1e-12),
    ],
)
@pytest.mark.parametrize("system", [ODE, DAE], ids=["ode", "dae"])
def test_order_of_a_step_and_of_its_dense_output(system, name, end, inside, h, tolerance):
    method = make_method(name, system, compact=True)
    # Newton's iterations are to leave nothing that would hide the order, however many it takes.
    if isinstance(method, RadauIIA):
        method.most = 50
    tight = Tolerance(tolerance, tolerance)

    @jax.jit
    def errors(t, h, y0, y1, y_inside):
        attempt = method.attempt(method.start(t, y0, h, 1.0, tight), t, y0, h, 1.0, tight)
        between = interpolate(y0, attempt.y, attempt.K, jnp.asarray(0.37))
        return attempt.error, jnp.abs(attempt.y - y1).max(), jnp.abs(between - y_inside).max()

    def both(h):
        t = 0.2
        estimated, *true = errors(t, h, exact(t), exact(t + h), exact(t + 0.37 * h))
        assert np.isfinite(estimated)
        return np.array(true)

    order = np.log2(both(h) / both(h / 2))
    # An algebraic unknown costs dense output of a one-step method one order at most.
    assert order[0] > end - 0.5
    assert order[1] > inside - (0.5 if system is ODE else 1.3)


@pytest.mark.parametrize("name", ["radau5", "radau9"])
@pytest.mark.parametrize("system", [ODE, DAE], ids=["ode", "dae"])
def test_values_between_steps_are_as_good_as_the_tolerance(system, name):
    times = np.linspace(0.2, 6.0, 117)
    found = make_solve(system, name)(0.2, 6.0, exact(0.2), 1.0, times, rtol=1e-8, atol=1e-8)
    size = 1e-8 * (1 + np.abs(exact(times)))
    # Of these, what the ends of steps are off is up to six where an unknown is algebraic.
    assert np.max(np.abs(found.ys - exact(times).T) / size.T) < 8


def test_stages_between_those_of_radau_are_of_an_order_more():
    for stages in (3, 5):
        formula = radau_iia(stages)
        between, q = formula.between, np.arange(1, stages + 2)
        slopes = q * formula.c[:, None] ** (q - 1)
        # Powers up to s + 1: base from the slopes at the stages, and its own with the weight of the factors.
        reached = between.base @ formula.A @ slopes + q * between.c[:, None] ** (q - 1) / formula.gamma
        np.testing.assert_allclose(reached, between.c[:, None] ** q, atol=1e-13)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("problem", ["rober_dae", "akzo"])
def test_published_end_values(name, problem):
    p = REFERENCES[problem]
    found = make_solve(p.system, name)(0.0, p.end, p.y0, p.args, rtol=1e-8, atol=p.atol)
    assert found.status == Status.SUCCESS
    np.testing.assert_allclose(found.y, p.value, rtol=1e-6)
    # Newton's iterations are few, and Jacobians fewer than steps.
    assert found.counts.jacobians <= found.counts.accepted
    assert found.counts.rejected < found.counts.accepted / 10


@pytest.mark.parametrize(
    "name", [METHODS[1], *(pytest.param(m, marks=pytest.mark.slow) for m in METHODS if m != METHODS[1])]
)
def test_derivatives_in_both_modes(name):
    """Forward and reverse agree to rounding, and with differences of solves to the tolerance."""
    solve = make_solve(DAE, name, max_steps=100)
    times = jnp.array([0.3, 1.0])

    def end(rate):
        return jnp.sum(solve(0.2, 1.0, exact(0.2) + 0.1 * (rate - 1), rate, times, 1e-10, 1e-10).ys)

    gradient, tangent = jax.jit(jax.grad(end))(1.0), jax.jit(jax.jacfwd(end))(1.0)
    assert np.isclose(gradient, tangent, rtol=1e-10)
    assert np.isclose((end(1.0 + 1e-4) - end(1.0 - 1e-4)) / 2e-4, tangent, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_large_and_sparse(name):
    """Through KLU, whose factors of a pair of stages are of twice the size; gradients with its factors, too."""
    system = Diffusion(200)
    y0 = np.r_[np.sin(np.linspace(0.1, 3.0, 199)), 0.0]
    y0[-1] = y0[0] + y0[-2]
    rates = jnp.array([300.0, 2.0])
    options = {"rtol": 1e-8, "atol": 1e-10}
    solve = make_solve(system, name, max_steps=200)
    found = solve(0.0, 2.0, y0, rates, **options)
    expected = make_solve(system, "rodas5p")(0.0, 2.0, y0, rates, **options)
    np.testing.assert_allclose(found.y, expected.y, rtol=1e-6, atol=1e-9)

    def total(rates):
        return jnp.sum(solve(0.0, 0.1, y0, rates, **options).y)

    slope = jax.jvp(total, (rates,), (jnp.ones(2),))[1]
    assert np.isclose(jnp.sum(jax.grad(total)(rates)), slope, rtol=1e-7)
