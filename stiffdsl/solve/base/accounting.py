"""Sums over the steps of a solve that say how hard it was, differentiable: what a neural ODE is regularised by.

Pal, Ma, Shah, Rackauckas, Opening the Blackbox: Accelerating Neural Differential Equations by Regularizing Internal
Solver Heuristics, ICML 2021.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, scale


class Diagnostics(NamedTuple):
    """`error`: the sum over accepted steps of the local error, as a part of what is tolerated (at most 1), times the
    length of the step. `stiffness`: the sum of `|J e| / |e|`, by the local errors e and the Jacobian J where a step
    ends: the rate of the fast components that errors are made of, per second. Step sizes are held constant in their
    derivatives."""

    error: Any
    stiffness: Any


def nothing() -> Diagnostics:
    """The sums before the first step."""
    return Diagnostics(jnp.zeros(()), jnp.zeros(()))


def account(
    sums: Diagnostics, system: Any, attempt: Attempt, accept, t, y, h, args, tolerance: Tolerance
) -> Diagnostics:
    """The sums after an attempt."""
    size, norm = scale(y, attempt.y, tolerance), ErrorNorm(system)
    # Of a rejected attempt nothing counts, and it may have overflowed.
    scaled = jnp.where(accept, attempt.scaled, 0.0)
    end = jnp.where(accept, attempt.y, y)
    error = _rooted(norm, scaled)
    still = error == 0
    direction = jnp.where(still, 0.0, scaled) / jnp.where(still, 1.0, error)

    def right_side(y):
        return system.mass * system.rhs(t + h, y, args)

    moved = jax.jvp(right_side, (end,), (direction * size,))[1]
    fast = _rooted(norm, norm.scaled(moved, size))
    length = jax.lax.stop_gradient(jnp.abs(h))
    return Diagnostics(
        sums.error + jnp.where(accept, length * error, 0.0), sums.stiffness + jnp.where(accept, fast, 0.0)
    )


def _rooted(norm: ErrorNorm, scaled):
    """The norm, with the derivative zero at zero."""
    some = jnp.any(scaled != 0)
    return jnp.where(some, norm(jnp.where(some, scaled, 1.0)), 0.0)
