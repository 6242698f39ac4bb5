"""Explicit methods: their order, that of their interpolants, error control, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.dense_output import interpolate
from stiffdsl.solve.base.method import Tolerance
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.methods.explicit import Explicit
from stiffdsl.solve.methods.explicit_tableau import TSIT5, VERN7

TOLERANCE = Tolerance(1e-6, 1e-6)
# y1' = y2, y2' = -y1 with a forcing that no polynomial meets: y = (sin, cos)(t) exp(sin t).
OSCILLATOR = FunctionSystem(
    lambda t, y, _: jnp.stack([y[1] + jnp.cos(t) * y[0], -y[0] + jnp.cos(t) * y[1]]), 2
)


def exact(t):
    return np.exp(np.sin(t)) * np.array([np.sin(t), np.cos(t)])


@pytest.mark.parametrize("tableau", [TSIT5, VERN7], ids=lambda t: t.name)
def test_conditions_on_the_tableau(tableau):
    a, c, last = tableau.a_matrix, np.array(tableau.c), tableau.stages - 1
    assert np.allclose(a.sum(axis=1), c, atol=2e-14)
    for power in range(1, tableau.order + 1):
        assert np.isclose(a[last] @ c ** (power - 1), 1 / power, atol=1e-14)
    # Dense output at the end is the step.
    assert np.allclose(np.sum(tableau.dense, axis=1), a[last], atol=1e-12)
    assert np.isclose(sum(tableau.e), 0.0, atol=1e-14)
    assert len(tableau.a[last]) < tableau.stages


@pytest.mark.parametrize("theta", [1.0, 0.3, 0.7])
@pytest.mark.parametrize(
    ("tableau", "end", "inside", "h"),
    [(TSIT5, 5.7, 4.7, 0.1), (VERN7, 7.6, 7.4, 0.2)],
    ids=["tsit5", "vern7"],
)
def test_order_of_a_step_and_of_its_interpolant(tableau, end, inside, h, theta):
    method = Explicit(tableau, OSCILLATOR)

    def error(h):
        y0 = exact(0.4)
        attempt = method.attempt(method.start(0.4, y0, h, None, TOLERANCE), 0.4, y0, h, None, TOLERANCE)
        return np.abs(interpolate(y0, attempt.y, attempt.K, theta) - exact(0.4 + theta * h)).max()

    order = np.log2(error(h) / error(h / 2))
    assert order > (end if theta == 1.0 else inside)


@pytest.mark.parametrize(("method", "evaluations"), [("tsit5", 6), ("vern7", 15)])
def test_error_follows_the_tolerance(method, evaluations):
    solve = make_solve(OSCILLATOR, method)
    times = np.linspace(0.0, 10.0, 33)
    errors = []
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        result = solve(0.0, 10.0, exact(0.0), None, times, rtol=tolerance, atol=tolerance)
        errors.append(np.abs(result.ys - exact(times).T).max())
        assert errors[-1] < 50 * tolerance
        # The last stage of a step serves the next one. Two more evaluations choose the first step.
        assert result.counts.rhs == evaluations * (result.counts.accepted + result.counts.rejected) + 2
    assert np.all(np.diff(np.log10(errors)) < -1.5)


@pytest.mark.parametrize("tableau", [TSIT5, VERN7], ids=lambda t: t.name)
def test_same_step_rolled_and_unrolled(tableau):
    """Beyond a few unknowns the stages are a loop; a large system of independent copies gives the same step."""
    copies = FunctionSystem(
        lambda t, y, _: jnp.concatenate([OSCILLATOR.rhs(t, x, None) for x in y.reshape(4, 2)]), 8
    )
    small, large = Explicit(tableau, OSCILLATOR), Explicit(tableau, copies)
    y0 = exact(0.2)
    one = small.attempt(small.start(0.2, y0, 0.1, None, TOLERANCE), 0.2, y0, 0.1, None, TOLERANCE)
    many = np.tile(y0, 4)
    four = large.attempt(large.start(0.2, many, 0.1, None, TOLERANCE), 0.2, many, 0.1, None, TOLERANCE)
    assert np.allclose(np.tile(one.y, 4), four.y, rtol=1e-14)
    assert np.allclose(one.error, four.error, rtol=1e-10)


def test_refuses_algebraic_equations():
    system = FunctionSystem(lambda t, y, _: y, 2, mass=[1, 0], names=("x", "pressure"))
    with pytest.raises(ValueError, match=r"explicit.*`pressure`"):
        make_solve(system, "tsit5")


def test_derivative_of_a_step():
    method = Explicit(TSIT5, OSCILLATOR)

    @jax.jit
    def step(y0):
        return method.attempt(method.start(0.0, y0, 0.1, None, TOLERANCE), 0.0, y0, 0.1, None, TOLERANCE).y

    jacobian = jax.jacrev(step)(jnp.array([0.3, 1.0]))
    # The system is linear: columns are steps from unit vectors.
    assert np.allclose(jacobian, np.stack([step(jnp.array([1.0, 0.0])), step(jnp.array([0.0, 1.0]))], axis=1))
