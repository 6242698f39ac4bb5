"""Kinks: where a condition on unknowns changes inside of a step (`max`, `abs`, `if`), and whether that matters.

Error estimates know little of a step across a kink: stages may lie on one side of it alone, and where the slopes of
that side hold a steep term, what is on the other side is damped away. So after a step that the error test accepts,
conditions are compared with those at its start, at its end and at times between. Where one differs, f is evaluated with
all of them held as they were: how far this is from f, for as long as it lasts, is what the step has missed.

    missed = integral of |f(t, y) - f(t, y; conditions as at the start)| along the dense output, in tolerated errors

Where that is too much, the step is made again, up to a little behind the kink. The next one begins on the other side
and is as long as it would have been: nothing starts anew. Kinks that matter little are stepped over, so that what a
step costs does not grow with the number of conditions.

A state may come to rest at a kink where the slopes of its equation have no bound: a tank that is empty. Steps towards
it are halved until they are short, so that derivatives of what it held before go to zero with it.

A solve may cross such a kink, too (`sign(d)*sqrt(abs(d))`). In a step of length h across it, the solution is off by
h^1.5, which soon is less than tolerated, and its derivatives by h^0.5. Solves whose derivatives are taken
(`for_slopes`) therefore come near by halves, and steps behind grow from there.

Stages of some methods are further from the solution than its error. Where they see the other side though the solution
does not get there, and that matters, the step is halved. Where conditions follow states alone, Rosenbrock methods hold
them inside of steps instead (`held_conditions.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.dense_output import interpolate
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, scale
from stiffdsl.solve.base.system import Args, SwitchingSystem
from stiffdsl.solve.linear.linear_systems import linear_solver

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float, Int


# The points of a step, as parts of it, at which conditions are evaluated.
LOOKS = (1 / 3, 2 / 3, 1.0)
# Between them, the two sides of a condition are compared by a cubic polynomial: the points at which it is evaluated,
# and its values there by those at the start and at the looks.
BETWEEN = 12
POINTS = np.array([k for k in range(1, BETWEEN) if k % (BETWEEN // 3)]) / BETWEEN
CUBIC = np.vander(POINTS, 4) @ np.linalg.inv(np.vander([0.0, *LOOKS], 4))
# The error that a missed change of a condition may cause in a step, in tolerated errors.
MISSED = 0.1
# f with conditions held counts as another one from this difference on, in tolerated errors over a whole step.
OTHER = 1e-2
# The weight of the slopes that a stage has beyond a kink: it is one of several.
WEIGHT = 0.25
# Halvings of a part of the step until its end is near enough to the kink.
HALVINGS = 40
# The difference of f where a state rests beyond the kink, and equations as they were have no value there; steps shorter
# than this part of the time make none of it.
AT_REST, SHORT, LEAST = 1e300, 1e-9, 0.25
# The same for derivatives; and how far steps look ahead, so that they do not end beside a kink by chance.
SHORT_FOR_SLOPES, AHEAD = 1e-12, 1.25
# Attempts at one step that may end short for kinks: what is found after them is let pass.
ATTEMPTS = 6
# Behind a step that was to end at a kink and did not get there, what lies within this share of the next one is looked
# for by halves instead.
FIRST = 0.125


class Kink(NamedTuple):
    """Between two attempts: the next step ends so far away, for a kink (0: for none), after so many attempts that ended
    short; `early` is true behind a step that was to end at a kink and did not get there.

    Where a diode closes, what it compares is next to nothing before and much behind: between values on both sides the
    dense output says that it closed at once (`FIRST`), and steps would creep up to the kink.
    """

    h: Float[Array, ""]
    attempts: Int[Array, ""]
    early: Bool[Array, ""]


def no_kink() -> Kink:
    return Kink(jnp.zeros(()), jnp.int32(0), jnp.array(False))


def has_branches(system: Any) -> bool:
    """Whether conditions may change inside of steps: known when a solve is compiled."""
    return len(getattr(system, "relation_rises", ())) > 0 and bool(np.any(system.mass))


def share(
    system: SwitchingSystem,
    asked: Bool[Array, ""],
    t,
    y,
    h,
    attempt: Attempt,
    args: Args,
    tolerance: Tolerance,
    for_slopes: bool = False,
):
    """The share of an attempted step that can be made in one piece: 1 where no kink inside it matters, or it is not
    `asked`, and negative at a steep kink, `for_slopes`; whether f is another one at its end: slopes from before it hold
    no longer; and whether conditions are."""
    fixed = lax.stop_gradient((t, y, h, attempt.y, attempt.K, tolerance))
    args = jax.tree.map(lambda x: lax.stop_gradient(x) if isinstance(x, jax.Array) else x, args)
    step = AttemptedStep(system, *fixed, args, for_slopes)
    changed, touch = step.look()
    beyond = lax.stop_gradient(attempt.arguments)
    crossed = jnp.any(changed) | (touch > 0)
    if for_slopes:
        crossed |= step.other(*step.at(AHEAD))
    if beyond is not None:
        crossed |= jnp.any(jax.vmap(step.other)(t + beyond[0] * h, beyond[1]))
    asked = lax.stop_gradient(asked) & crossed
    no = jnp.array(False)
    return lax.cond(asked, lambda: step.share(changed, touch, beyond), lambda: (jnp.ones(()), no, no))


class AttemptedStep:
    """An attempted step, with the conditions as they are where it begins."""

    def __init__(
        self, system: SwitchingSystem, t, y, h, y1, K, tolerance: Tolerance, args: Args, for_slopes: bool
    ):
        self.for_slopes = for_slopes
        self.system, self.t, self.y, self.h, self.y1, self.K, self.args = system, t, y, h, y1, K, args
        self.mass = np.asarray(system.mass, dtype=float)
        self.size, self.norm = scale(y, y1, tolerance), ErrorNorm(system)
        self.all_states = bool(np.all(self.mass))
        self.rises = np.asarray(system.relation_rises)
        self.before, self.compared = self.relations(t, y)

    def at(self, look):
        return self.t + look * self.h, interpolate(self.y, self.y1, self.K, look)

    def relations(self, t, y):
        found = self.system.relations(t, y, self.args)
        return found[: len(self.rises)], found[len(self.rises) :]

    def differ(self, values) -> Bool[Array, ""]:
        risen = values > self.before + self.rises
        return jnp.any(jnp.where(self.rises > 0, risen, values != self.before))

    def other(self, t, y) -> Bool[Array, ""]:
        return self.differ(self.relations(t, y)[0])

    def look(self):
        """At which looks a condition is another; and where one may be between them, where it is none there (0:
        nowhere)."""
        found = [self.relations(*self.at(look)) for look in LOOKS]
        changed = jnp.stack([self.differ(values) for values, _ in found])
        between = jnp.asarray(CUBIC) @ jnp.stack([self.compared, *(compared for _, compared in found)])
        risen = between > self.before + self.rises
        touches = jnp.any(jnp.where(self.rises > 0, risen, between * jnp.sign(self.compared) < 0), axis=1)
        touch = jnp.where(jnp.any(touches), jnp.asarray(POINTS)[jnp.argmax(touches)], 0.0)
        return changed, jnp.where(jnp.any(changed), 0.0, touch)

    def share(self, changed, touch, beyond) -> tuple[Float[Array, ""], Bool[Array, ""], Bool[Array, ""]]:
        beside = jnp.stack([touch - 1 / BETWEEN, touch, jnp.ones(())])
        looks = jnp.where(touch > 0, beside, jnp.asarray(LOOKS))
        touched = jnp.array([False, True, False]) & self.other(*self.at(touch))
        changed = jnp.where(touch > 0, touched, changed)
        at = self.missing(jnp.where(jnp.any(changed), looks[jnp.argmax(changed)], 1.0))

        def missing(look):
            return at(*self.at(look))

        rates = jnp.where(changed, lax.map(missing, looks), 0.0)
        lengths = jnp.diff(looks, prepend=0.0)
        missed = jnp.cumsum(lengths * rates)
        k = jnp.argmax(missed > MISSED)
        behind = jnp.where(k > 0, missed[k - 1], 0.0)
        first = looks[k] - lengths[k], looks[k], rates[k], behind, jnp.int32(0)

        def far(carry):
            low, high, rate, behind, count = carry
            return (behind + (high - low) * rate > MISSED) & (count < HALVINGS)

        def halved(carry):
            low, high, rate, behind, count = carry
            middle = 0.5 * (low + high)
            found = missing(middle)
            more = behind + (middle - low) * found
            later = more <= 0.5 * MISSED
            return (
                jnp.where(later, middle, low),
                jnp.where(later, high, middle),
                jnp.where(later, rate, found),
                jnp.where(later, more, behind),
                count + 1,
            )

        matters = missed[k] > MISSED
        if self.for_slopes:
            ahead = missing(AHEAD)
            ahead = jnp.where(~matters & self.other(*self.at(AHEAD)) & (ahead >= AT_REST), ahead, 0.0)
            behind_end = jnp.ones(()), jnp.full((), AHEAD), ahead, jnp.zeros(()), jnp.int32(0)
            first = tuple(jnp.where(ahead > 0, a, b) for a, b in zip(behind_end, first, strict=True))
            matters |= ahead > 0
        # Nothing is looked for where nothing matters.
        first = (*first[:4], jnp.where(matters, first[4], HALVINGS))
        _, high, rate, *_ = lax.while_loop(far, halved, first)
        # Dense output may be off by more than what is left of a state that comes to rest.
        half = (-0.5 if self.for_slopes else 0.5) * jnp.maximum(high, LEAST)
        possible = jnp.where(rate >= AT_REST, half, high)
        possible = jnp.where(matters, possible, 1.0)
        if beyond is not None:
            # Stages that are beyond a kink though the solution is not: those of a shorter step are nearer to it.
            seen = lax.map(lambda stage: at(self.t + stage[0] * self.h, stage[1]), beyond)
            spoiled = ~matters & (WEIGHT * jnp.max(seen) > MISSED)
            possible = jnp.where(spoiled, 0.5, possible)
        return possible, rates[-1] > OTHER, changed[-1]

    def missing(self, look):
        """By time and state: what the step misses there, in tolerated errors for a whole step."""
        if self.all_states:

            def reached(difference):
                return self.h * difference
        else:
            # Residuals of algebraic equations count by their effect on states, in a piece of the step that long.
            t, y = self.at(look)
            length = look * self.h
            solver = linear_solver(self.system)
            factors = solver.factor(self.system.jacobian(t, y, self.args), 1.0 / length)

            def reached(difference):
                return solver.solve(factors, difference) / look

        states = self.mass != 0
        short = SHORT_FOR_SLOPES if self.for_slopes else SHORT
        long = jnp.abs(self.h) > short * jnp.maximum(jnp.abs(self.t), jnp.abs(self.h))

        def missing(t, y):
            f = self.system.rhs(t, y, self.args)
            difference = f - self.system.held(t, y, self.args, self.before)
            known = jnp.isfinite(difference)
            # Equations that say nothing of the other side say nothing of what is missed.
            missed = self.norm.of(self.mass * reached(jnp.where(known, difference, 0.0)), self.size)
            steep = jnp.isfinite(f) if self.for_slopes else states & (f == 0)
            return jnp.where(long & jnp.any(~known & steep), AT_REST, missed)

        return missing
