"""Rosenbrock methods have the order that is claimed for them, on problems that they cannot solve exactly."""

import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.methods.rodas6p import RODAS6P
from stiffdsl.solve.methods.rosenbrock import Rosenbrock
from stiffdsl.solve.methods.tableau import RODAS4PW, RODAS5P
from tests.solve.problems import VDPOL


def moving(t, y, args):
    """y1 = 1/(1 + t^2), and y2 = y1^2 where it is algebraic; y3 = exp(sin t)."""
    return jnp.stack([-2 * t * y[1], y[1] ** 2 - y[0] ** 4, y[2] * jnp.cos(t)])


def exact(t):
    y1 = 1 / (1 + t**2)
    return np.stack([y1, y1**2, np.exp(np.sin(t))], axis=-1)


DAE = FunctionSystem(moving, 3, mass=[1, 0, 1])
ODE = FunctionSystem(lambda t, y, _: jnp.stack([-2 * t * y[0] ** 2, y[1] * jnp.cos(t)]), 2)
SEVEN = FunctionSystem(lambda t, y, _: jnp.tile(-2 * t * y[:1] ** 2, 7) + 30 * (y[0] - y), 7)
HALVES = 0.5 ** np.arange(3, 6)


def errors(system, method, columns, times=()):
    """Errors at t = 1, or at `times`, for steps of constant size."""
    solve = make_solve(system, method)
    y0 = exact(0.0)[columns]
    found = []
    for h in HALVES:
        at = np.asarray(times) if len(times) else np.array([1.0])
        result = solve(0.0, 1.0, y0, None, at, rtol=1e3, atol=1e3, first_step=h, max_step=h)
        assert int(result.counts.accepted) == round(1 / h)
        found.append(np.max(np.abs(np.asarray(result.ys) - exact(at)[:, columns])))
    return np.array(found)


def order(found):
    return np.min(np.log2(found[:-1] / found[1:]))


@pytest.mark.parametrize(
    ("method", "claimed", "dense"), [("rodas5p", 5, 4), ("rodas6p", 6, 5), ("rodas4pw", 4, 3)]
)
class TestOrder:
    def test_of_an_ode_with_time(self, method, claimed, dense):
        assert order(errors(ODE, method, [0, 2])) > claimed - 0.3

    def test_of_a_dae(self, method, claimed, dense):
        assert order(errors(DAE, method, [0, 1, 2])) > claimed - 0.35

    def test_of_dense_output(self, method, claimed, dense):
        assert order(errors(ODE, method, [0, 2], np.linspace(0.01, 0.99, 57))) > dense - 0.2


@pytest.mark.parametrize("tableau", [RODAS5P, RODAS6P, RODAS4PW], ids=lambda t: t.name)
def test_the_tableau_is_stiffly_accurate(tableau):
    # The last two rows of a differ by the one that adds u_{s-1}: the last stage is the error of an embedded method.
    a = tableau.a_matrix[: tableau.stages, : tableau.stages]
    expected = a[-2].copy()
    expected[-2] = 1.0
    np.testing.assert_allclose(a[-1], expected, atol=1e-14)
    assert tableau.c[tableau.stages - 1] == 1
    assert tableau.d[tableau.stages - 1] == 0


@pytest.mark.parametrize("tableau", [RODAS5P, RODAS6P], ids=lambda t: t.name)
def test_written_out_and_compact_stages_agree(tableau):
    written, compact = Rosenbrock(tableau, VDPOL.system), Rosenbrock(tableau, VDPOL.system, compact=True)
    y = jnp.array([1.9, -0.1])
    args = (written.system.jacobian(0.0, y, 10.0), None, 0.0, y, 0.05, 10.0)
    for a, b in zip(written.stages(*args), compact.stages(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_more_unknowns_than_are_written_out():
    solve = make_solve(SEVEN, "rodas5p")
    result = solve(0.0, 2.0, np.ones(7), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(result.y[0], 0.2, rtol=1e-6)
