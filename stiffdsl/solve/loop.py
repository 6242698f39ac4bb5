"""The one control loop: every method, tier and entry point steps through `advance`.

`advance` tries a step, accepts or rejects it, and proposes the next step size. It is differentiated as written, with
step sizes held constant (all but the last, which ends at t1), so that derivatives are those of the discrete solution.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from stiffdsl.solve.dense_output import interpolate
from stiffdsl.solve.method import Method, Tolerance, norm, scale
from stiffdsl.solve.status import Status
from stiffdsl.solve.system import System

# This many rejections in a row shrink a step by at least 1e-30: there is nothing to be gained from more.
MOST_REJECTIONS = 60
# A last step may be longer than proposed by this much, so that no sliver is left.
STRETCH = 1.01
EPSILON = 2.220446049250313e-16


class Problem(NamedTuple):
    """What a solve is given, all of it traced. `saveat` runs in the direction from t0 to t1."""

    t0: Float[Array, ""]
    t1: Float[Array, ""]
    y0: Float[Array, " n"]
    args: Any
    saveat: Float[Array, " m"]


class Limits(NamedTuple):
    """What steers a solve and is not differentiated; a `first_step` of zero lets the solver choose."""

    tolerance: Tolerance
    first_step: Float[Array, ""]
    max_step: Float[Array, ""]


class Counts(NamedTuple):
    """Work done: steps accepted and rejected, evaluations of the equations and of their Jacobian, factorizations,
    Newton iterations, and iterations of linear solves that are no factorizations."""

    accepted: Int[Array, ""]
    rejected: Int[Array, ""]
    rhs: Int[Array, ""]
    jacobians: Int[Array, ""]
    factorizations: Int[Array, ""]
    iterations: Int[Array, ""]
    linear_iterations: Int[Array, ""]


class State(NamedTuple):
    """Between two attempts. `h` is the next step, signed; `previous` the error of the last accepted step; `scaled`
    the errors by unknown of the last attempt, and `failure` its status."""

    t: Float[Array, ""]
    h: Float[Array, ""]
    y: Float[Array, " n"]
    memory: Any
    previous: Float[Array, ""]
    rejections: Int[Array, ""]
    status: Int[Array, ""]
    failure: Int[Array, ""]
    scaled: Float[Array, " n"]
    counts: Int[Array, " 7"]


class Step(NamedTuple):
    """The attempt just made, from t to t + h: what dense output needs, where it was accepted."""

    accept: Bool[Array, ""]
    t: Float[Array, ""]
    h: Float[Array, ""]
    end: Float[Array, ""]
    y0: Float[Array, " n"]
    y1: Float[Array, " n"]
    K: Float[Array, "r n"]


def begin(method: Method, system: System, problem: Problem, limits: Limits) -> State:
    """The state before the first attempt; already at its end where t0 = t1 or y0 is not finite."""
    t, y = problem.t0, problem.y0
    h, evaluations = _first_step(method, system, problem, limits)
    memory = method.start(t, y, h, problem.args, limits.tolerance)
    finite = jnp.all(jnp.isfinite(y))
    status = jnp.where(t == problem.t1, Status.SUCCESS, Status.RUNNING)
    status = jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int32)
    zero = jnp.zeros((), dtype=jnp.int32)
    counts = jnp.zeros(7, dtype=jnp.int32).at[2].set(evaluations)
    return State(t, h, y, memory, jnp.ones(()), zero, status, zero, jnp.where(finite, 0 * y, jnp.nan), counts)


def _first_step(method: Method, system: System, problem: Problem, limits: Limits):
    """Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.4: steps of an Euler method that
    keep the second derivative below the tolerance. Algebraic unknowns have no slope and do not move."""
    t, y, args, tolerance = problem.t0, problem.y0, problem.args, limits.tolerance
    span = problem.t1 - t
    direction = jnp.where(span < 0, -1.0, 1.0)
    length = jnp.minimum(jnp.abs(span), limits.max_step)

    def chosen():
        size = scale(y, y, tolerance)
        slope = system.mass * system.rhs(t, y, args)
        d0, d1 = norm(y / size), norm(slope / size)
        h0 = jnp.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6 * length, 0.01 * d0 / jnp.where(d1 > 0, d1, 1.0))
        h0 = jnp.where(jnp.isfinite(h0), jnp.minimum(h0, length), 1e-6 * length)
        later = system.mass * system.rhs(t + direction * h0, y + direction * h0 * slope, args)
        d2 = norm((later - slope) / size) / h0
        steepest = jnp.maximum(d1, d2)
        h1 = jnp.where(
            steepest <= 1e-15,
            1e-3 * length,
            (0.01 / jnp.where(steepest > 0, steepest, 1.0)) ** (1.0 / method.order),
        )
        return jnp.minimum(100 * h0, jnp.where(jnp.isfinite(h1), h1, h0)), jnp.int32(2)

    h, evaluations = lax.cond(limits.first_step > 0, lambda: (limits.first_step, jnp.int32(0)), chosen)
    return lax.stop_gradient(direction * jnp.minimum(h, length)), evaluations


def advance(method: Method, problem: Problem, limits: Limits, state: State) -> tuple[State, Step]:
    """One attempt, whether it is accepted or not."""
    t, y = state.t, state.y
    remaining = problem.t1 - t
    last = jnp.abs(state.h) * STRETCH >= jnp.abs(remaining)
    h = jnp.where(last, remaining, lax.stop_gradient(state.h))
    attempt = method.attempt(state.memory, t, y, h, problem.args, limits.tolerance)
    error = lax.stop_gradient(attempt.error)
    accept = error <= 1.0
    memory, factor = method.advance(attempt, accept, t, y, h, state.previous, state.rejections)
    end = jnp.where(last, problem.t1, t + h)

    proposed = lax.stop_gradient(h * factor)
    proposed = jnp.clip(proposed, -limits.max_step, limits.max_step)
    t_next = jnp.where(accept, end, t)
    rejections = jnp.where(accept, 0, state.rejections + 1)
    stuck = (jnp.abs(proposed) <= 4 * EPSILON * jnp.abs(t_next)) | (rejections >= MOST_REJECTIONS)
    failure = jnp.where(accept, Status.SUCCESS, attempt.status)
    reason = jnp.where(failure == Status.SUCCESS, Status.STEP_TOO_SMALL, failure)
    status = jnp.where(accept & last, Status.SUCCESS, jnp.where(stuck, reason, Status.RUNNING))

    work = attempt.work
    counts = state.counts + jnp.stack([jnp.asarray(c, dtype=jnp.int32) for c in (accept, ~accept, *work)])
    return State(
        t_next,
        proposed,
        jnp.where(accept, attempt.y, y),
        memory,
        jnp.where(accept, error, state.previous),
        rejections.astype(jnp.int32),
        status.astype(jnp.int32),
        failure.astype(jnp.int32),
        lax.stop_gradient(attempt.scaled),
        counts,
    ), Step(accept, t, h, end, y, attempt.y, attempt.K)


class Saves(NamedTuple):
    """Values at the times of `saveat`, and how many of these times lie behind."""

    ys: Float[Array, "m n"]
    cursor: Int[Array, ""]


def begin_saves(problem: Problem) -> Saves:
    """The start value at times equal to t0, NaN at all others."""
    ys = jnp.where((problem.saveat == problem.t0)[:, None], problem.y0, jnp.nan)
    behind = jnp.where(problem.t1 < problem.t0, problem.saveat >= problem.t0, problem.saveat <= problem.t0)
    return Saves(ys, jnp.sum(behind, dtype=jnp.int32))


def value_at(step: Step, time: Float[Array, ""]) -> Float[Array, " n"]:
    """The dense output of an accepted step."""
    return interpolate(step.y0, step.y1, step.K, (time - step.t) / step.h)


def save(problem: Problem, saves: Saves, step: Step) -> Saves:
    """Fill in the times that an accepted step has passed."""
    times = problem.saveat
    if times.shape[0] == 0:
        return saves
    backward = problem.t1 < problem.t0

    def passed(saves: Saves):
        time = times[jnp.minimum(saves.cursor, times.shape[0] - 1)]
        before = jnp.where(backward, time >= step.end, time <= step.end)
        return step.accept & (saves.cursor < times.shape[0]) & before

    def fill(saves: Saves):
        value = value_at(step, times[saves.cursor])
        return Saves(saves.ys.at[saves.cursor].set(value), saves.cursor + 1)

    return lax.while_loop(passed, fill, saves)


def behind(problem: Problem, cursor: Int[Array, ""], step: Step) -> Int[Array, ""]:
    """How many times of `saveat` lie behind after an attempt, given how many did before."""
    times = problem.saveat
    if times.shape[0] == 0:
        return cursor
    direction = jnp.where(problem.t1 < problem.t0, -1.0, 1.0)
    passed = jnp.searchsorted(direction * times, direction * step.end, side="right").astype(cursor.dtype)
    return jnp.where(step.accept, jnp.maximum(passed, cursor), cursor)


def run(
    method: Method, system: System, problem: Problem, limits: Limits, max_steps: int
) -> tuple[State, Saves]:
    """From t0 to t1, or to where the solve fails."""

    def going(carry):
        state, _ = carry
        return (state.status == Status.RUNNING) & (state.counts[0] + state.counts[1] < max_steps)

    def body(carry):
        state, saves = carry
        state, step = advance(method, problem, limits, state)
        return state, save(problem, saves, step)

    return lax.while_loop(going, body, (begin(method, system, problem, limits), begin_saves(problem)))
