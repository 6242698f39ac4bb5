"""Diagnosis of a failed solve, made once at its end: the unknowns involved, and the kind of trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.status import BY_EVENTS, Status
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate.loop import Problem, State
from stiffdsl.solve.linear.linear_systems import linear_solver

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


# Relative change of the Jacobian's values that makes an exactly singular matrix only nearly so, and the growth of a
# solution that then gives it away.
NUDGE = 1e-13
GROWTH = 1e10
# The share of the interval ahead in which a value that is not finite is looked for.
AHEAD = 1e-3


def verdict(
    system: System, problem: Problem, state: State, status: Int[Array, ""]
) -> tuple[Int[Array, ""], Int[Array, " 3"]]:
    """The status, made more precise, and the unknowns most involved (-1: no more)."""
    if system.size == 0:
        return status.astype(jnp.int32), jnp.full(3, -1, dtype=jnp.int32)
    known = jnp.array(
        [Status.SUCCESS, Status.MAX_STEPS, Status.JUMP, Status.OUTSIDE, Status.FORGOTTEN, *BY_EVENTS]
    )
    failed = jnp.all(status != known)
    blame = jnp.where(status == Status.SUCCESS, 0.0, jnp.abs(state.scaled))
    status, blame = lax.cond(
        failed,
        lambda: _examine(system, problem, state, status, blame),
        lambda: (status.astype(jnp.int32), blame),
    )
    return status, worst(blame)


def worst(blame: Float[Array, " n"]) -> Int[Array, " 3"]:
    """The indices of the three largest entries; entries far below the largest, and zeros, give -1."""
    blame = jnp.where(jnp.isfinite(blame), jnp.minimum(blame, 1e300), jnp.inf)
    count = min(3, blame.shape[0])
    values, indices = lax.top_k(blame, count)
    kept = (values > 0) & (values >= 0.1 * values[0])
    indices = jnp.where(kept, indices, -1).astype(jnp.int32)
    return jnp.concatenate([indices, jnp.full(3 - count, -1, dtype=jnp.int32)])


def _examine(system: System, problem: Problem, state: State, status, blame):
    """Equations and Jacobian where the solve stopped, and a little further; then the algebraic rows."""
    t, y, args = state.t, state.y, problem.args
    slope = system.rhs(t, y, args)
    jacobian = system.jacobian(t, y, args)
    # The attempts that failed were longer than the last step proposed.
    span = problem.t1 - problem.t0
    ahead = jnp.stack([10 * state.h, AHEAD * span, AHEAD**2 * span])
    further = jax.vmap(lambda h: system.rhs(t + h, y + h * system.mass * slope, args))(ahead)
    further = jnp.all(jnp.isfinite(further), axis=0)
    infinite = ~jnp.isfinite(slope)
    infinite = jnp.where(jnp.any(infinite), infinite, _bad_rows(system, jacobian))
    infinite = jnp.where(jnp.any(infinite), infinite, ~further)
    bad = jnp.any(infinite)
    growth = _growth(system, jacobian)
    singular = ~bad & (jnp.max(growth) > GROWTH)
    unexplained = (status == Status.STEP_TOO_SMALL) | (status == Status.NON_FINITE)
    status = jnp.where(bad & unexplained, Status.NON_FINITE, jnp.where(singular, Status.SINGULAR, status))
    blame = jnp.where(bad, infinite.astype(float), jnp.where(singular, growth, blame))
    return status.astype(jnp.int32), blame


def _bad_rows(system: System, jacobian):
    return jnp.zeros(system.size, dtype=bool).at[np.asarray(system.rows)].max(~jnp.isfinite(jacobian))


def _growth(system: System, jacobian) -> Float[Array, " n"]:
    """Sensitivity of each unknown to changes of the algebraic rows by their own size: unbounded where the rows
    do not determine it. Rows and columns are scaled, so that units do not matter."""
    rows, columns = np.asarray(system.rows), np.asarray(system.columns)
    algebraic = np.asarray(system.mass) == 0
    if not algebraic.any():
        return jnp.zeros(system.size)
    random = np.random.default_rng(0)
    noise = random.uniform(-NUDGE, NUDGE, len(rows))
    # Changes of no pattern: none that dependent rows could agree on.
    change = random.uniform(0.5, 1.0, system.size) * random.choice([-1.0, 1.0], system.size)
    values = jnp.where(jnp.isfinite(jacobian), jacobian, 0.0) * (1 + noise)
    size = jnp.zeros(system.size).at[rows].max(jnp.abs(values))
    alpha = 1e3 * jnp.max(size) + 1.0
    linear = linear_solver(system)
    x = linear.solve(linear.factor(values, alpha), jnp.where(algebraic, change * size, 0.0))
    weight = jnp.zeros(system.size).at[columns].max(jnp.abs(values) / jnp.where(size > 0, size, 1.0)[rows])
    return jnp.where(algebraic, jnp.where(jnp.isfinite(x), jnp.abs(x) * weight, jnp.inf), 0.0)
