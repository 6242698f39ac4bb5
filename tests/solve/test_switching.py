"""Switching between an explicit and a Rosenbrock method: when, and that nothing is lost by it."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.methods.switching import TO_STIFF, _patience
from tests.solve.problems import REFERENCES

OSCILLATOR = FunctionSystem(
    lambda t, y, _: jnp.stack([y[1] + jnp.cos(t) * y[0], -y[0] + jnp.cos(t) * y[1]]), 2
)
VDPOL = REFERENCES["vdpol"]
solve_vdpol = make_solve(VDPOL.system, "switching")


def exact(t):
    return np.exp(np.sin(t)) * np.array([np.sin(t), np.cos(t)])


def test_nothing_is_factored_where_nothing_is_stiff():
    times = np.linspace(0.0, 20.0, 33)
    found = make_solve(OSCILLATOR, "switching")(0.0, 20.0, exact(0.0), None, times, rtol=1e-8, atol=1e-8)
    assert found.status == Status.SUCCESS
    assert found.counts.jacobians == 0
    np.testing.assert_allclose(found.ys, exact(times).T, atol=1e-6)


def test_both_methods_serve_where_stiff_and_fast_parts_alternate():
    explicit = make_solve(VDPOL.system, "tsit5", max_steps=2000)
    found = solve_vdpol(0.0, VDPOL.end, VDPOL.y0, VDPOL.args, rtol=1e-8, atol=VDPOL.atol)
    assert found.status == Status.SUCCESS
    np.testing.assert_allclose(found.y, VDPOL.value, rtol=1e-6)
    assert 100 < found.counts.factorizations < found.counts.accepted - 100
    stuck = explicit(0.0, VDPOL.end, VDPOL.y0, VDPOL.args, rtol=1e-8, atol=VDPOL.atol)
    assert stuck.status == Status.MAX_STEPS


@pytest.mark.slow
def test_derivatives_in_both_modes_through_a_switch():
    solve = make_solve(VDPOL.system, "switching", max_steps=400)

    def end(mu):
        return solve(0.0, 3.0, VDPOL.y0, mu, rtol=1e-6, atol=1e-8)

    assert 0 < end(50.0).counts.factorizations < end(50.0).counts.accepted
    gradient = jax.jit(jax.grad(lambda mu: end(mu).y[0]))(50.0)
    tangent = jax.jit(jax.jacfwd(lambda mu: end(mu).y[0]))(50.0)
    assert np.isclose(gradient, tangent, rtol=1e-9)
    assert np.isclose((end(50.01).y[0] - end(49.99).y[0]) / 0.02, tangent, rtol=1e-2)


def test_the_explicit_method_is_kept_while_a_factorization_costs_more():
    """A ladder is factored in the time of few explicit steps; what fills takes the time of hundreds."""
    n = 400
    draw = np.random.default_rng(0)
    pairs = np.unique(np.r_[np.arange(n) * (n + 1), draw.integers(0, n * n, 20 * n)])

    def patience(rows, columns):
        known = {"size": n, "mass": np.ones(n), "rows": rows, "columns": columns}
        return _patience(SimpleNamespace(**known))

    ladder = np.r_[np.arange(n), np.arange(n - 1)], np.r_[np.arange(n), np.arange(1, n)]
    assert patience(*ladder) == TO_STIFF
    assert patience(pairs // n, pairs % n) > 5 * TO_STIFF
