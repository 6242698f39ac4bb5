"""Tsit5: its order, that of its interpolant, its error control, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.dense_output import interpolate
from stiffdsl.solve.base.method import Tolerance
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.methods.explicit import A_MATRIX, A, C, E, Tsit5

TOLERANCE = Tolerance(1e-6, 1e-6)
# y1' = y2, y2' = -y1 with a forcing that no polynomial meets: y = (sin, cos)(t) exp(sin t).
OSCILLATOR = FunctionSystem(
    lambda t, y, _: jnp.stack([y[1] + jnp.cos(t) * y[0], -y[0] + jnp.cos(t) * y[1]]), 2
)


def exact(t):
    return np.exp(np.sin(t)) * np.array([np.sin(t), np.cos(t)])


def test_conditions_on_the_tableau():
    b = A_MATRIX[-1]
    assert np.allclose(A_MATRIX.sum(axis=1), C, atol=1e-14)
    for power in range(1, 6):
        assert np.isclose(b @ np.array(C) ** (power - 1), 1 / power, atol=1e-14)
    assert np.isclose(sum(E), 0.0, atol=1e-14)
    assert len(A[-1]) == 6


@pytest.mark.parametrize("theta", [1.0, 0.3, 0.7])
def test_order_of_a_step_and_of_its_interpolant(theta):
    method = Tsit5(OSCILLATOR)

    def error(h):
        y0 = exact(0.4)
        attempt = method.attempt(method.start(0.4, y0, h, None, TOLERANCE), 0.4, y0, h, None, TOLERANCE)
        return np.abs(interpolate(y0, attempt.y, attempt.K, theta) - exact(0.4 + theta * h)).max()

    order = np.log2(error(0.1) / error(0.05))
    assert order > (5.7 if theta == 1.0 else 4.7)


def test_error_follows_the_tolerance():
    solve = make_solve(OSCILLATOR, "tsit5")
    times = np.linspace(0.0, 10.0, 33)
    errors = []
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        result = solve(0.0, 10.0, exact(0.0), None, times, rtol=tolerance, atol=tolerance)
        errors.append(np.abs(result.ys - exact(times).T).max())
        assert errors[-1] < 50 * tolerance
        # Six evaluations a step: the last stage serves the next step. Two more choose the first step.
        assert result.counts.rhs == 6 * (result.counts.accepted + result.counts.rejected) + 2
    assert np.all(np.diff(np.log10(errors)) < -1.5)


def test_same_step_rolled_and_unrolled():
    """Beyond a few unknowns the stages are a loop; a large system of independent copies gives the same step."""
    copies = FunctionSystem(
        lambda t, y, _: jnp.concatenate([OSCILLATOR.rhs(t, x, None) for x in y.reshape(4, 2)]), 8
    )
    small, large = Tsit5(OSCILLATOR), Tsit5(copies)
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
    method = Tsit5(OSCILLATOR)

    @jax.jit
    def step(y0):
        return method.attempt(method.start(0.0, y0, 0.1, None, TOLERANCE), 0.0, y0, 0.1, None, TOLERANCE).y

    jacobian = jax.jacrev(step)(jnp.array([0.3, 1.0]))
    # The system is linear: columns are steps from unit vectors.
    assert np.allclose(jacobian, np.stack([step(jnp.array([1.0, 0.0])), step(jnp.array([0.0, 1.0]))], axis=1))
