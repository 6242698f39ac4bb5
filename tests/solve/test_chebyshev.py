"""RKC: order, stability, work against stiffness, derivatives, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.dense_output import interpolate
from stiffdsl.solve.base.method import Tolerance
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.stiffness import spectral_bound
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.methods.chebyshev import MOST, Chebyshev
from tests.solve.sparse_systems import Diffusion

TOLERANCE = Tolerance(1e-6, 1e-6)
HEAT = 30
GRID = np.arange(1, HEAT + 1) / (HEAT + 1)


def heat(t, y, a):
    wide = jnp.pad(y, 1)
    return a * (HEAT + 1) ** 2 * (wide[:-2] - 2 * y + wide[2:])


ROD = FunctionSystem(heat, HEAT, time_dependent=False)
solve_rod = make_solve(ROD, "rkc2", max_steps=400)
# The slowest mode decays with this rate, that of the discrete system.
SLOW = 4 * (HEAT + 1) ** 2 * np.sin(np.pi / 2 / (HEAT + 1)) ** 2
FAST = 4 * (HEAT + 1) ** 2


def test_order_of_a_step_and_of_its_dense_output():
    system = FunctionSystem(lambda t, y, _: jnp.sin(t) - y + jnp.cos(t), 1)
    method = Chebyshev(system)

    def errors(h):
        y0 = np.sin([0.4])
        attempt = method.attempt(method.start(0.4, y0, h, None, TOLERANCE), 0.4, y0, h, None, TOLERANCE)
        inside = interpolate(y0, attempt.y, attempt.K, 0.3)
        true = np.abs([attempt.y[0] - np.sin(0.4 + h), inside[0] - np.sin(0.4 + 0.3 * h)])
        # Its own estimate of the error is of the right size.
        assert 0.3 < np.abs(attempt.scaled[0]) * 1e-6 * (1 + np.sin(0.4)) / true[0] < 3
        return true

    assert np.all(np.log2(errors(0.1) / errors(0.05)) > 2.9)


def test_work_grows_like_the_root_of_stiffness():
    counts = []
    for a in (1.0, 16.0):
        found = solve_rod(0.0, 0.2, np.sin(np.pi * GRID), a, rtol=1e-4, atol=1e-2)
        assert found.status == Status.SUCCESS
        np.testing.assert_allclose(found.y, np.exp(-SLOW * a * 0.2) * np.sin(np.pi * GRID), atol=0.02)
        counts.append(int(found.counts.rhs))
    # Explicit methods with a fixed number of stages take FAST*a*t/3.3 steps.
    assert counts[1] < 8 * counts[0]
    assert counts[1] < FAST * 16 * 0.2 / 10
    assert found.counts.factorizations == 0


def test_error_follows_the_tolerance():
    errors = []
    for rtol in (1e-3, 1e-4, 1e-5):
        found = solve_rod(0.0, 0.1, np.sin(np.pi * GRID), 1.0, rtol=rtol, atol=rtol)
        errors.append(np.abs(found.y - np.exp(-SLOW * 0.1) * np.sin(np.pi * GRID)).max())
        assert errors[-1] < 20 * rtol
    assert errors[2] < errors[1] < errors[0]


def test_steps_are_held_to_what_the_most_stages_are_stable_for():
    """A problem so stiff that no step of the tolerance is stable takes smaller ones, and has no wrong values."""
    stiff = FunctionSystem(lambda t, y, k: -k * (y - jnp.cos(t)), 1)
    found = make_solve(stiff, "rkc2")(0.0, 1.0, np.zeros(1), 1e6, rtol=1e-3, atol=1e-3)
    assert found.status == Status.SUCCESS
    assert np.isclose(found.y[0], np.cos(1.0), atol=1e-3)
    assert found.counts.accepted > 1e6 / MOST**2


def test_derivatives_in_both_modes():
    def end(a):
        return jnp.sum(solve_rod(0.0, 0.01, np.sin(np.pi * GRID), a, rtol=1e-6, atol=1e-6).y)

    gradient, tangent = jax.jit(jax.grad(end))(1.0), jax.jit(jax.jacfwd(end))(1.0)
    assert np.isclose(gradient, tangent, rtol=1e-10)
    assert np.isclose(tangent, -SLOW * 0.01 * end(1.0), rtol=1e-3)


def test_the_bound_of_the_spectrum_does_not_depend_on_units():
    units = np.array([1.0, 1e6, 1e-3])
    matrix = np.array([[-1.0, 2.0, 0.0], [0.5, -3.0, 1.0], [0.0, 4.0, -50.0]])
    for scaled in (matrix, units[:, None] * matrix / units):
        system = FunctionSystem(lambda t, y, _, m=scaled: m @ y, 3)
        bound = spectral_bound(system, scaled.reshape(-1))
        radius = np.abs(np.linalg.eigvals(matrix)).max()
        assert radius <= bound < 1.3 * radius


@pytest.mark.parametrize("name", ["rkc2", "switching", "tsit5"])
def test_algebraic_equations_are_refused(name):
    with pytest.raises(ValueError, match=rf"`{name}` is explicit.*`y\[20\]`"):
        make_solve(Diffusion(20), name)
