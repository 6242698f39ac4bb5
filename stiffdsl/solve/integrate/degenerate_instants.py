"""Degenerate instants: where rounding decides conditions, modes are those that the solution has just behind.

When the source of a bridge goes through zero, all of its diodes carry nothing and hold off nothing. Each condition
(`v > 0 and not on`, `i < 0 and on`) is decided by the last digits, and events at once turn everything on and off
without end. There the mode is looked for in which no condition turns true a little later, with the states moved along
their slopes: a linear complementarity problem for the modes, by least-index pivoting (Murty, Linear Complementarity,
1988, section 4.2; Bard 1972), one event after the other. It is taken where it is the same at the quarter, the half and
the whole of that distance, which is the shortest of `DISTANCES` for which there is one. Values stay those of the
instant; what is decided early is decided so by that distance.

Conditions that loop without the help of rounding are the same ahead: they end as before, without end.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.event_rules import AGAIN, most_rounds
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import Args
from stiffdsl.solve.integrate.events import EventMemory, Instant, conditions, ended_by_round, event_count

# Distances ahead, in parts of the run; and the parts of these at which a mode must hold.
DISTANCES, WHERE = (1e-11, 1e-10, 1e-9, 1e-8, 1e-7), (1.0, 0.5, 0.25)


def looks_ahead(system: Any) -> bool:
    """Whether events can set modes of algebraic equations."""
    return event_count(system) > 1 and not np.all(system.mass) and bool(np.any(system.still))


def settled_ahead(
    system: Any,
    consistent: Any,
    t,
    y,
    args: Args,
    before,
    also,
    happened: Instant,
    memory: EventMemory,
    span,
) -> Instant:
    """The instant as it `happened`, or, where events came to no end there or at the instants just before, with the mode
    that holds ahead, if there is one."""
    again = jnp.any(memory.crowd >= AGAIN) & happened.fired
    asked = (happened.status == Status.ENDLESS) | again & (happened.stop == 0) & (happened.status == 0)

    def look(carry, distance):
        def tried():
            found, good = _Ahead(system, consistent, t, args, distance).mode(y, before, also)
            return jax.tree.map(lambda new, old: jnp.where(good, new, old), found, carry[0]), good

        return lax.cond(carry[1], lambda: carry, tried), None

    def looked() -> Instant:
        return lax.scan(look, (happened, jnp.array(False)), jnp.asarray(DISTANCES) * span)[0][0]

    return lax.cond(asked, looked, lambda: happened)


class _Ahead:
    """Conditions a little ahead of an instant."""

    def __init__(self, system: Any, consistent: Any, t, args: Args, distance):
        self.system, self.consistent, self.t, self.args, self.distance = system, consistent, t, args, distance

    def conditions(self, y):
        """The conditions that hold ahead, of values that are consistent at the instant; whether they do at all parts of
        the way."""
        t, y, args = lax.stop_gradient((self.t, y, self.args))
        slope = self.system.mass * self.system.rhs(t, y, args)

        def at(distance):
            moved, solved = self.consistent(t + distance, y + distance * slope, args)
            return conditions(self.system, t + distance, moved, args), solved

        held, solved = lax.map(at, self.distance * jnp.asarray(WHERE))
        return held[0], jnp.all(solved) & jnp.all(held == held[0])

    def mode(self, y, before, also) -> tuple[Instant, Any]:
        """The instant by least-index pivoting, and whether it ends in a mode that holds ahead. No event acts in the
        first round."""
        size, count = y.shape[0], event_count(self.system)
        none, nobody = jnp.int32(0), jnp.zeros(count, dtype=bool)
        begun = y, before, ~nobody, nobody, none, none, jnp.array(True), jnp.array(False)

        def act(carry):
            y, now, waiting, acted, stop, status, first, _ = carry
            fired = (jnp.arange(count) == jnp.argmax(waiting)) & ~first
            found = self.system.reset(self.t, y, self.args, fired.astype(y.dtype))
            y, solved = self.consistent(self.t, found[:size], self.args)
            later, alike = self.conditions(y)
            waiting = jnp.where(first, also, waiting & ~fired & (later > 0)) | (later > now)
            stop, status = ended_by_round(found, solved, stop, status)
            waiting = waiting & (stop == 0) & (status == 0)
            return y, later, waiting, acted | fired, stop, status, ~first & first, alike

        def round_(carry, _):
            return lax.cond(jnp.any(carry[2]), act, lambda carry: carry, carry), None

        found, _ = lax.scan(round_, begun, None, length=most_rounds(count) + 1)
        y, _, waiting, acted, stop, status, _, alike = found
        return Instant(y, jnp.array(True), acted, stop, status), alike & ~jnp.any(waiting) & (status == 0)
