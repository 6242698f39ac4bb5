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


def move_patterns(n):
    """Directions (MOVES, n) off a singular point: up, down, then every unknown its own way; no two equally far."""
    random = np.random.default_rng(1)
    signs = random.choice([-1.0, 1.0], (MOVES, n))
    signs[0], signs[1] = 1.0, -1.0
    return signs * random.uniform(0.5, 1.0, (MOVES, n))


def search_root(residual, jacobian, linear, x0, context, rtol, max_iterations) -> NewtonResult:
    n = x0.shape[0]
    small = n <= LEAST_SQUARES
    rows, columns = linear.rows, linear.columns
    nudge = np.random.default_rng(0).uniform(-1.0, 1.0, n)
    patterns = move_patterns(n)

    def terms(values, x):
        """The size of the terms of every equation, taken to first order."""
        return jnp.zeros(n).at[rows].add(jnp.abs(values) * (jnp.abs(x) + FLOOR)[columns])

    def secant_terms(x):
        """The same, by slopes that hold over `FLOOR` on either side: beside a root's branch point the derivative would
        count any residual as small."""
        own, *beside = jnp.abs(lax.map(lambda x: jacobian(x, context), jnp.stack([x, x + FLOOR, x - FLOOR])))
        beside = jnp.maximum(*(jnp.where(jnp.isfinite(slope), slope, 0.0) for slope in beside))
        at = jnp.abs(x)[columns]
        own = jnp.where(jnp.isfinite(own), own * at, 0.0)
        return jnp.zeros(n).at[rows].add(jnp.maximum(own, beside * (at + FLOOR)))

    def size(dx, x):
        return jnp.max(jnp.abs(dx) / (jnp.abs(x) + FLOOR))

    def shortest(values, f):
        J = jnp.zeros((n, n)).at[rows, columns].add(values)
        weight = _positive(jnp.max(jnp.abs(J), axis=1))
        finite = jnp.all(jnp.isfinite(J)) & jnp.all(jnp.isfinite(f))
        J, f = jnp.where(finite, J / weight[:, None], 0.0), jnp.where(finite, f / weight, 0.0)
        return -jnp.linalg.lstsq(J, f, rcond=1e-10)[0]

    def body(s: Search) -> Search:
        f, values = residual(s.x, context), jacobian(s.x, context)
        known, sloped = jnp.isfinite(f), jnp.isfinite(values)
        finite = jnp.all(known) & jnp.all(sloped)
        singular = jnp.zeros(n, dtype=bool).at[columns].max(~sloped | ~known[rows])
        values = jnp.where(sloped, values, 1.0)
        factors = linear.factor(values, jnp.zeros(()))

        def correction(f):
            return linear.solve(factors, f)  # the matrix is -J

        if small:
            dx = lax.cond(s.least_squares, lambda: shortest(values, f), lambda: correction(f))
        else:
            dx = correction(f)
        before = size(dx, s.x)
        weight = _positive(terms(values, s.x))
        level = jnp.linalg.norm(f / weight)

        def shorten(carry):
            damping, *_ = carry
            damping = 0.5 * damping
            return damping, *judge(damping)

        def judge(damping):
            x = s.x + damping * dx
            f_new = residual(x, context)
            simplified = correction(f_new)
            after = jnp.max(jnp.abs(simplified) / (jnp.abs(s.x) + FLOOR))
            natural = after <= (1 - 0.25 * damping) * before
            decrease = jnp.linalg.norm(f_new / weight) <= (1 - 0.25 * damping) * level
            rounding = (before < ROUNDING) & (damping == 1.0)
            met = jnp.all(jnp.abs(f_new) <= RESIDUAL * weight)
            solved = jnp.all(f_new == 0)
            good = jnp.where(s.least_squares, decrease | met, natural | rounding) & jnp.all(
                jnp.isfinite(f_new)
            )
            met = jnp.where(s.least_squares, met, met | ~jnp.isfinite(after))
            return good | solved, after, met, solved

        def short(carry):
            damping, good, *_ = carry
            return ~good & shortens(damping, before)

        usable = finite & jnp.all(jnp.isfinite(dx))
        first = jnp.where(s.least_squares, 1.0, jnp.minimum(1.0, 4 * s.damping))
        no = jnp.array(False)
        damping, good, after, met, solved = lax.while_loop(
            short, shorten, (first, *_where(usable, judge(first), (~no, jnp.inf, no, no)))
        )
        good = good & usable
        x = jnp.where(good, s.x + damping * dx, s.x)
        ended = (before <= rtol) | (after <= rtol) | (before < ROUNDING) & (after >= 0.5 * before)
        ended = jnp.where(s.least_squares, True, ended)
        converged = good & (solved | (damping == 1.0) & ended & met)
        share = jnp.max(jnp.abs(f) / weight)
        better = share < s.least
        # Stuck: first the shortest step of least squares from here, then a new start nearby.
        off = ~finite & (s.moves < MOVES)
        try_shortest = ~good & ~s.least_squares & small & ~off
        restart = ~good & ~try_shortest & ~off
        step = NUDGE * 3.0**s.restarts * (1 + jnp.abs(x0)) * nudge
        x = jnp.where(restart, x0 + step, x)
        base = jnp.where(jnp.all(known), s.x, s.base)
        move = MOVE * 3.0**s.moves * (1 + jnp.abs(base)) * jnp.asarray(patterns)[s.moves]
        x = jnp.where(off, base + jnp.where(singular, move, 0.0), x)
        return Search(
            x,
            jnp.where(good, damping, 1.0),
            s.iterations + 1,
            try_shortest,
            s.restarts + restart,
            s.moves + off,
            base,
            converged,
            jnp.where(converged, x, jnp.where(better, s.x, s.best)),
            jnp.where(better, share, s.least),
        )

    def going(s: Search):
        return ~s.converged & (s.iterations < max_iterations) & (s.restarts < 6)

    start = Search(
        x0,
        jnp.ones(()),
        jnp.int32(0),
        jnp.array(False),
        jnp.int32(0),
        jnp.int32(0),
        x0,
        jnp.array(False),
        x0,
        jnp.array(jnp.inf),
    )
    f0 = residual(x0, context)
    start = start._replace(converged=jnp.all(f0 == 0))
    end = lax.while_loop(going, body, start)
    f = residual(end.best, context)
    share = jnp.abs(f) / _positive(secant_terms(end.best))
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
