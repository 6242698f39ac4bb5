"""Conditions held inside of steps: kinks where these follow states, and act on slopes of states alone.

A Rosenbrock method whose stages lie on both sides of a kink has large errors until its steps are short. Where an
attempt holds all conditions as they are at its start, f is smooth in it, its error is that of a smooth f, and its dense
output says where the first condition changes. What a step misses that goes on so for a length s behind the kink is

    (M/s - J)^-1 (f(t, y) - f(t, y; conditions as at the start))    at its end, in tolerated errors

Where that is too much, the step is made again up to a little behind the kink; a kink costs two attempts. After some
attempts at one step f goes as it is. So it does where derivatives of the solve are taken (`branches.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from stiffdsl.solve.base.method import Attempt, Tolerance
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import Args, SwitchingSystem
from stiffdsl.solve.integrate.branches import (
    AT_REST,
    ATTEMPTS,
    BETWEEN,
    LEAST,
    LOOKS,
    MISSED,
    OTHER,
    SHORT,
    WEIGHT,
    AttemptedStep,
    has_branches,
)
from stiffdsl.solve.linear.linear_systems import linear_solver

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float

# Halvings by which the first change of a condition is enclosed; the least part of a piece behind it that is tried next,
# and how often that is done.
NEARER, NEAREST, NEARINGS = 10, 1e-3, 20


def holds(method: Any, system: Any, for_slopes: bool) -> bool:
    """Whether attempts hold conditions: known when a solve is compiled."""
    able = has_branches(system) and getattr(system, "holds_conditions", False)
    return able and not for_slopes and hasattr(method, "holding")


def held(method: Any, state: Any) -> Any:
    """The method for the next attempt: it holds conditions, but behind an attempt that found no number."""
    sound = (state.kink.attempts < ATTEMPTS) & (state.failure == Status.SUCCESS)
    return method.holding(lax.stop_gradient(sound))


def nodes(tableau: Any) -> list[float]:
    """The times of stages, as parts of a step, at which nothing is looked at otherwise."""
    return sorted({float(c) for c in tableau.c[: tableau.stages]} - {0.0, *LOOKS})


def share_held(
    system: SwitchingSystem,
    asked: Bool[Array, ""],
    t,
    y,
    h,
    attempt: Attempt,
    args: Args,
    tolerance: Tolerance,
):
    """As `branches.share`, of an attempt that held conditions; its `arguments` are the times of `nodes`."""
    fixed = lax.stop_gradient((t, y, h, attempt.y, attempt.K, tolerance))
    args = jax.tree.map(lambda x: lax.stop_gradient(x) if isinstance(x, jax.Array) else x, args)
    step = _HeldStep(system, *fixed, args, False)
    changed, touch = step.look()
    places = lax.stop_gradient(attempt.arguments)
    crossed = jnp.any(changed) | (touch > 0)
    crossed |= jnp.any(jax.vmap(lambda look: step.other(*step.at(look)))(places))
    asked = lax.stop_gradient(asked) & crossed
    no = jnp.array(False)
    return lax.cond(asked, lambda: step.share(changed, touch, places), lambda: (jnp.ones(()), no, no))


class _HeldStep(AttemptedStep):
    """An attempted step that held the conditions as they are where it begins."""

    def share(self, changed, touch, beyond) -> tuple[Float[Array, ""], Bool[Array, ""], Bool[Array, ""]]:
        looks, none = jnp.asarray(LOOKS), jnp.array(False)
        touched = (touch > 0) & self.other(*self.at(touch))
        found = jnp.where(touch > 0, jnp.array([True, False, False]) & touched, changed)
        places = jnp.where(touch > 0, touch, looks)
        first = jnp.argmax(found)
        before = jnp.where(first > 0, looks[first - 1], 0.0)
        before = jnp.where(touch > 0, touch - 1 / BETWEEN, before)
        low, edge = self.bracket(before, places[first])
        missed = lax.map(lambda look: self.misses(*self.at(look), look - low), places)
        missed = jnp.where(found, missed, 0.0)
        k = jnp.argmax(missed > MISSED)
        matters = missed[k] > MISSED
        kink = low, edge, places[k], missed[k]
        _, edge, end, rest = self.near(matters, kink)
        # Dense output may be off by more than what is left of a state that comes to rest.
        half = 0.5 * jnp.maximum(edge, LEAST)
        possible = jnp.where(matters, jnp.where(rest >= AT_REST, half, end), 1.0)
        # A pulse in time may be there that no look has seen.
        seen = lax.map(
            lambda look: jnp.where(self.other(*self.at(look)), self.misses(*self.at(look), 1.0), 0.0),
            beyond,
        )
        spoiled = ~matters & ~jnp.any(changed) & (WEIGHT * jnp.max(seen) > MISSED)
        possible = jnp.where(spoiled, 0.5, possible)
        other = lax.cond(changed[-1], lambda: self.misses(*self.at(1.0), 1.0) > OTHER, lambda: none)
        return possible, other, changed[-1]

    def bracket(self, before, look):
        """The part of the step in which a condition changes first, halved."""

        def halved(_, part):
            low, edge = part
            middle = 0.5 * (low + edge)
            changed = self.other(*self.at(middle))
            return jnp.where(changed, low, middle), jnp.where(changed, middle, edge)

        return lax.fori_loop(0, NEARER, halved, (jnp.asarray(before, dtype=float), jnp.asarray(look)))

    def near(self, matters, kink):
        """Moves the end to where no more is missed than may be, a little behind the kink."""

        def far(carry):
            (*_, missed), count = carry
            return (missed > MISSED) & (missed < AT_REST) & (count < NEARINGS)

        def nearer(carry):
            (low, edge, end, missed), count = carry
            low, edge = lax.cond(end <= edge, lambda: self.bracket(low, end), lambda: (low, edge))
            part = jnp.maximum(0.5 * MISSED / missed, NEAREST)
            end = jnp.maximum(low + part * (end - low), edge)
            return (low, edge, end, self.misses(*self.at(end), end - low)), count + 1

        # Nothing is looked for where nothing matters.
        return lax.while_loop(far, nearer, (kink, jnp.where(matters, 0, NEARINGS)))[0]

    def misses(self, t, y, length):
        """The error of a piece of that length that has f at its end as it is there, in tolerated errors."""
        f = self.system.rhs(t, y, self.args)
        difference = f - self.system.held(t, y, self.args, self.before)
        known = jnp.isfinite(difference)
        # Equations that say nothing of the other side say nothing of what is missed.
        reached = jnp.where(known, difference, 0.0)
        if self.all_states:
            reached = length * self.h * reached
        else:
            # Residuals of algebraic equations count by their effect on states; fast states come to rest.
            solver = linear_solver(self.system)
            jacobian = self.system.jacobian(t, y, self.args)
            reached = solver.solve(solver.factor(jacobian, 1.0 / (length * self.h)), reached)
        states = self.mass != 0
        long = jnp.abs(self.h) > SHORT * jnp.maximum(jnp.abs(self.t), jnp.abs(self.h))
        missed = self.norm.of(self.mass * reached, self.size)
        steep = states & (f == 0)
        return jnp.where(long & jnp.any(~known & steep), AT_REST, missed)
