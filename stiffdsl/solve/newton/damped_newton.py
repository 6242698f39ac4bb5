"""Damped Newton's method and parameter continuation, as functions of JAX arrays and nothing else of this package.

Damping follows the natural monotonicity test of Deuflhard, Newton Methods for Nonlinear Problems (Springer 2004,
section 3.3): a step is short enough when the simplified Newton correction after it is smaller than the correction
before it. The test does not see the units of equations. Where the Jacobian is singular, small systems take the
shortest step of least squares; where that does not help either, the search starts again beside where it is. Where a
derivative or a residual is not finite, the unknowns involved move off that point first.

What stands below the line is copied into the module of `stiffdsl compile -o`: it begins where this process does.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# --- Newton's method ---

# A step is shortened to this share of it; further, to the least share, while what is left of it moves an unknown by
# more than a share of its size: by the slope of an ideal switch that is open, that of one that is closed is 1e9 sizes
# away, and no longer step lands beside the kink between the two.
SHORT_DAMPING, LEAST_DAMPING, LEAST_MOVE = 1e-8, 1e-16, 1e-4
# A share of an equation's terms that its residual may keep.
RESIDUAL = 1e-8
# Below this relative size a correction that no longer shrinks is rounding.
ROUNDING = 1e-7
# Sizes of unknowns below this count as zero.
FLOOR = 1e-10
# Distance of a new start from the point where the search was stuck, relative to 1 + |x|.
NUDGE = 1e-2
# The first move off a point where something is not finite, relative to 1 + |x|; and how many there may be, each three
# times as long as the one before.
MOVE, MOVES = 1e-3, 8
# The most continuation steps from an anchor, and the least share of the way that one of them goes.
MOST_SEARCHES, LEAST_SHARE = 200, 1e-6
# Systems up to this size take steps of least squares.
LEAST_SQUARES = 600


class NewtonResult(NamedTuple):
    """`x`, whether it solves the system, the iterations made, the residual there, and the indices of the (up to
    three) equations that are furthest from being met, relative to their terms."""

    x: Any
    converged: Any
    iterations: Any
    residual: Any
    worst: Any


class ContinuationState(NamedTuple):
    """From the anchor (share 0) to the context (share 1): the last solution, its slope, and the next step."""

    x: Any
    slope: Any
    share: Any
    step: Any
    searches: Any
    found: NewtonResult


def walk(search, x0, context, anchor) -> NewtonResult:
    known, there = anchor

    def between(share):
        def mixed(a, b):
            whole = not jnp.issubdtype(b.dtype, jnp.inexact)
            return b if whole else jnp.where(share == 1.0, b, a + share * (b - a))

        return jax.tree.map(mixed, there, context)

    def body(w: ContinuationState) -> ContinuationState:
        first = w.searches == 0
        share = jnp.minimum(w.share + w.step, 1.0)
        found = search(jnp.where(first, x0, w.x + (share - w.share) * w.slope), between(share))
        good = found.converged
        x = jnp.where(good, found.x, jnp.where(first, known, w.x))
        # The first search knows nothing of the anchor; the second tries to get from there in one step.
        step = jnp.where(good, 2 * w.step, jnp.where(first, 1.0, w.step / 2))
        return ContinuationState(
            x,
            jnp.where(good & ~first, (x - w.x) / (share - w.share), w.slope),
            jnp.where(good, share, w.share),
            step,
            w.searches + 1,
            found._replace(iterations=found.iterations + w.found.iterations),
        )

    def going(w: ContinuationState):
        return (w.share < 1.0) & (w.searches < MOST_SEARCHES) & (w.step > LEAST_SHARE)

    n = x0.shape[0]
    nothing = NewtonResult(x0, jnp.array(False), jnp.int32(0), x0, jnp.zeros(min(3, n), dtype=jnp.int32))
    end = lax.while_loop(
        going, body, ContinuationState(x0, 0 * x0, jnp.zeros(()), jnp.ones(()), jnp.int32(0), nothing)
    )
    return end.found._replace(converged=end.share >= 1.0)


class Search(NamedTuple):
    x: Any
    damping: Any
    iterations: Any
    least_squares: Any
    restarts: Any
    moves: Any
    base: Any
    converged: Any
    best: Any
    least: Any


class NewtonStep(NamedTuple):
    """A whole step `dx` with the residual f, the sizes of its terms and the factors; whether all of it is `finite`,
    which residuals are `known`, and which unknowns are `singular`, for a slope or residual that is not finite."""

    f: Any
    weight: Any
    factors: Any
    dx: Any
    finite: Any
    known: Any
    singular: Any


class DampedStep(NamedTuple):
    """The share of a step that is taken, whether it is a good one, and whether the search ends with it."""

    damping: Any
    good: Any
    converged: Any


def move_patterns(n):
    """Directions (MOVES, n) off a singular point: up, down, then every unknown its own way; no two equally far."""
    random = np.random.default_rng(1)
    signs = random.choice([-1.0, 1.0], (MOVES, n))
    signs[0], signs[1] = 1.0, -1.0
    return signs * random.uniform(0.5, 1.0, (MOVES, n))


def equation_terms(linear, values, x):
    """The size of the terms of every equation, taken to first order."""
    return jnp.zeros(x.shape[0]).at[linear.rows].add(jnp.abs(values) * (jnp.abs(x) + FLOOR)[linear.columns])


def secant_terms(linear, jacobian, x, context):
    """The same, by slopes that hold over `FLOOR` on either side: beside a root's branch point the derivative would
    count any residual as small."""
    own, *beside = jnp.abs(lax.map(lambda x: jacobian(x, context), jnp.stack([x, x + FLOOR, x - FLOOR])))
    beside = jnp.maximum(*(jnp.where(jnp.isfinite(slope), slope, 0.0) for slope in beside))
    at = jnp.abs(x)[linear.columns]
    own = jnp.where(jnp.isfinite(own), own * at, 0.0)
    return jnp.zeros(x.shape[0]).at[linear.rows].add(jnp.maximum(own, beside * (at + FLOOR)))


def shortest_step(linear, values, f):
    """The shortest step of least squares, with rows of like size."""
    n = f.shape[0]
    J = jnp.zeros((n, n)).at[linear.rows, linear.columns].add(values)
    weight = _positive(jnp.max(jnp.abs(J), axis=1))
    finite = jnp.all(jnp.isfinite(J)) & jnp.all(jnp.isfinite(f))
    J, f = jnp.where(finite, J / weight[:, None], 0.0), jnp.where(finite, f / weight, 0.0)
    return -jnp.linalg.lstsq(J, f, rcond=1e-10)[0]


def newton_step(residual, jacobian, linear, s: Search, context) -> NewtonStep:
    """The whole step at `s.x`: Newton's, or the shortest one of least squares."""
    f, values = residual(s.x, context), jacobian(s.x, context)
    n = f.shape[0]
    known, sloped = jnp.isfinite(f), jnp.isfinite(values)
    finite = jnp.all(known) & jnp.all(sloped)
    singular = jnp.zeros(n, dtype=bool).at[linear.columns].max(~sloped | ~known[linear.rows])
    values = jnp.where(sloped, values, 1.0)
    factors = linear.factor(values, jnp.zeros(()))
    if n <= LEAST_SQUARES:
        dx = lax.cond(
            s.least_squares, lambda: shortest_step(linear, values, f), lambda: linear.solve(factors, f)
        )
    else:
        dx = linear.solve(factors, f)  # the matrix is -J
    weight = _positive(equation_terms(linear, values, s.x))
    return NewtonStep(f, weight, factors, dx, finite, known, singular)


def damped_step(residual, linear, step: NewtonStep, s: Search, context, rtol) -> DampedStep:
    """The share of a step that passes the test: the natural one, or, of least squares, that residuals decrease."""
    sizes = jnp.abs(s.x) + FLOOR
    before = jnp.max(jnp.abs(step.dx) / sizes)
    level = jnp.linalg.norm(step.f / step.weight)

    def judge(damping):
        f_new = residual(s.x + damping * step.dx, context)
        simplified = linear.solve(step.factors, f_new)
        after = jnp.max(jnp.abs(simplified) / sizes)
        natural = after <= (1 - 0.25 * damping) * before
        decrease = jnp.linalg.norm(f_new / step.weight) <= (1 - 0.25 * damping) * level
        rounding = (before < ROUNDING) & (damping == 1.0)
        met = jnp.all(jnp.abs(f_new) <= RESIDUAL * step.weight)
        solved = jnp.all(f_new == 0)
        good = jnp.where(s.least_squares, decrease | met, natural | rounding) & jnp.all(jnp.isfinite(f_new))
        met = jnp.where(s.least_squares, met, met | ~jnp.isfinite(after))
        return good | solved, after, met, solved

    def shorten(carry):
        damping = 0.5 * carry[0]
        return damping, *judge(damping)

    def short(carry):
        damping, good, *_ = carry
        return ~good & shortens(damping, before)

    usable = step.finite & jnp.all(jnp.isfinite(step.dx))
    first = jnp.where(s.least_squares, 1.0, jnp.minimum(1.0, 4 * s.damping))
    no = jnp.array(False)
    damping, good, after, met, solved = lax.while_loop(
        short, shorten, (first, *_where(usable, judge(first), (~no, jnp.inf, no, no)))
    )
    good = good & usable
    ended = (before <= rtol) | (after <= rtol) | (before < ROUNDING) & (after >= 0.5 * before)
    ended = jnp.where(s.least_squares, True, ended)
    return DampedStep(damping, good, good & (solved | (damping == 1.0) & ended & met))


def search_on(step: NewtonStep, taken: DampedStep, s: Search, x0, nudge, patterns) -> Search:
    """The search behind a step, and where none was taken: first the shortest step of least squares from here, then a
    new start nearby; or off a point where something is not finite."""
    x = jnp.where(taken.good, s.x + taken.damping * step.dx, s.x)
    share = jnp.max(jnp.abs(step.f) / step.weight)
    better = share < s.least
    off = ~step.finite & (s.moves < MOVES)
    small = x0.shape[0] <= LEAST_SQUARES
    try_shortest = ~taken.good & ~s.least_squares & small & ~off
    restart = ~taken.good & ~try_shortest & ~off
    x = jnp.where(restart, x0 + NUDGE * 3.0**s.restarts * (1 + jnp.abs(x0)) * nudge, x)
    base = jnp.where(jnp.all(step.known), s.x, s.base)
    move = MOVE * 3.0**s.moves * (1 + jnp.abs(base)) * jnp.asarray(patterns)[s.moves]
    x = jnp.where(off, base + jnp.where(step.singular, move, 0.0), x)
    return Search(
        x,
        jnp.where(taken.good, taken.damping, 1.0),
        s.iterations + 1,
        try_shortest,
        s.restarts + restart,
        s.moves + off,
        base,
        taken.converged,
        jnp.where(taken.converged, x, jnp.where(better, s.x, s.best)),
        jnp.where(better, share, s.least),
    )


def search_root(residual, jacobian, linear, x0, context, rtol, max_iterations) -> NewtonResult:
    n = x0.shape[0]
    nudge = np.random.default_rng(0).uniform(-1.0, 1.0, n)
    patterns = move_patterns(n)

    def body(s: Search) -> Search:
        step = newton_step(residual, jacobian, linear, s, context)
        taken = damped_step(residual, linear, step, s, context, rtol)
        return search_on(step, taken, s, x0, nudge, patterns)

    def going(s: Search):
        return ~s.converged & (s.iterations < max_iterations) & (s.restarts < 6)

    no, none, one = jnp.array(False), jnp.int32(0), jnp.ones(())
    solved = jnp.all(residual(x0, context) == 0)
    start = Search(x0, one, none, no, none, none, x0, solved, x0, jnp.array(jnp.inf))
    end = lax.while_loop(going, body, start)
    f = residual(end.best, context)
    share = jnp.abs(f) / _positive(secant_terms(linear, jacobian, end.best, context))
    _, worst = lax.top_k(jnp.where(jnp.isfinite(share), share, jnp.inf), min(3, n))
    converged = end.converged & jnp.all(share <= RESIDUAL)
    return NewtonResult(end.best, converged, end.iterations, f, worst.astype(jnp.int32))


def shortens(damping, before):
    """Whether a step may be shortened further; `before`: the whole step relative to the unknowns."""
    moves = damping * before > LEAST_MOVE
    return (damping > SHORT_DAMPING) | (damping > LEAST_DAMPING) & moves


def _positive(x):
    return jnp.where(x > 0, x, 1.0)


def _where(condition, this, other):
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), this, other)
