"""Jumps in time: steps end on them, and go on from consistent values.

A system may say where its equations jump: lines over time that do so at zero, or at every whole number. Within a step
the branches are those in the middle of the step. So no step sees both sides of a jump; and where the time of a jump
follows a parameter, the end of the step moves with it, which gives derivatives the term (f- - f+) dt/dp.

Jumps at one time are passed together, or, where derivatives are wanted, one after the other (`apart`): their times may
move apart. Then steps of no length lie between them, over which values do not change but their derivatives do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.crossings import SAME, Line, ahead, beside, jumps_here, line_at, next_value
from stiffdsl.solve.base.system import Args, System
from stiffdsl.solve.newton.square_systems import OwnSearch, newton

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float, Int


class Crossings(NamedTuple):
    """Lines `offset + slope*t`, as they are in the step that the arguments say; `periodic` (NumPy) is known."""

    offset: Float[Array, " m"]
    slope: Float[Array, " m"]
    periodic: np.ndarray


class Stopping(System, Protocol):
    """A system whose equations jump in time, at `crossing_count(args)` lines, a number known when a solve is compiled.

    `within(args, side)`: the arguments for a step in which line k is as it is at the time `side[k]`, and `crossings`
    the lines for such arguments; `crossings_move`: whether they may depend on what derivatives are taken by.
    """

    crossings_move: bool

    def crossing_count(self, args: Args) -> int: ...
    def within(self, args: Args, side: Float[Array, " m"]) -> Args: ...
    def crossings(self, args: Args) -> Crossings: ...


class NextStop(NamedTuple):
    """The next jump after a time (infinite: none), and its line; the sides on which lines are until then; and whether
    there is a jump at the time itself."""

    time: Float[Array, ""]
    line: Int[Array, ""]
    side: Float[Array, " m"]
    here: Bool[Array, ""]


def has_time_events(system: System, args: Args) -> bool:
    """Whether the equations may jump in time: known when a solve is compiled."""
    count = getattr(system, "crossing_count", None)
    return count is not None and count(args) > 0


def may_move(system: System, args: Args) -> bool:
    """Whether derivatives may depend on the order of jumps at one time."""
    return has_time_events(system, args) and getattr(system, "crossings_move", True)


def within(system: Any, args: Args, time: Float[Array, ""]) -> Args:
    """The arguments for a step around `time`."""
    if not has_time_events(system, args):
        return args
    return system.within(args, jnp.full(system.crossing_count(args), lax.stop_gradient(time)))


def _lines(
    system: Any, args: Args, side: Float[Array, " m"], now: Float[Array, ""]
) -> tuple[Line, Any, Any, Any]:
    """All lines at a time; their offsets and slopes, which derivatives follow; and which are periodic."""
    offset, slope, periodic = system.crossings(system.within(args, side))
    line = line_at(jnp, *lax.stop_gradient((offset, slope)), now)
    return line, jnp.where(line.known, offset, 1.0), jnp.where(line.known, slope, 1.0), periodic


def next_time_event(
    system: Any, args: Args, t: Float[Array, ""], t1: Float[Array, ""], line: Int[Array, ""], apart: bool
) -> NextStop:
    """The first jump after t on the way to t1; one that is as good as t1 is there.

    Jumps at t lie behind: all, or where they are passed `apart`, those up to `line`. Nearer than rounding is at t.
    """
    now = lax.stop_gradient(t)
    direction = jnp.where(t1 < t, -1.0, 1.0)
    count = system.crossing_count(args)
    line_now, _, _, periodic = _lines(system, args, jnp.full(count, now), now)
    here, nearest = jumps_here(jnp, line_now, periodic)
    behind = here & (jnp.arange(count) <= line) if apart else here
    away = direction * beside(jnp, line_now)
    # A condition decided at a jump may move the lines of others.
    side = now + jnp.where(here, jnp.where(behind, away, -away), 0.0)
    at, offset, slope, periodic = _lines(system, args, side, now)
    times = (next_value(jnp, at, periodic, direction) - offset) / slope
    distance, later = ahead(jnp, at, lax.stop_gradient(times), now, direction)
    distance = jnp.where(later, distance, jnp.inf)
    if not apart:
        first = jnp.argmin(distance)
        time = times[first]
    else:
        waiting = here & ~behind
        own = (nearest - offset) / slope
        times = jnp.where(waiting, now + own - lax.stop_gradient(own), times)
        distance = jnp.where(waiting, 0.0, jnp.where(jnp.any(waiting), jnp.inf, distance))
        first = jnp.argmax(distance <= jnp.min(distance) + at.blur / jnp.abs(at.slope))
        time = times[first]
    time = jnp.where(jnp.isfinite(distance[first]), time, direction * jnp.inf)
    time = jnp.where(jnp.abs(time - t1) <= SAME * jnp.abs(t1), t1, time)
    return NextStop(time, first.astype(jnp.int32), side, jnp.any(here))


# Of the search for algebraic unknowns behind a jump: how small the last correction is, and how many there may be.
RTOL, ITERATIONS = 1e-12, 50


class Consistent:
    """Algebraic unknowns as their equations have them, the states held: after a jump they are elsewhere. `own`: see
    `newton`."""

    def __init__(self, system: System, own: OwnSearch | None = None):
        self.system, self.own = system, own
        algebraic = np.asarray(system.mass) == 0
        self.unknowns = np.flatnonzero(algebraic)
        place = np.cumsum(algebraic) - 1
        rows, columns = np.asarray(system.rows), np.asarray(system.columns)
        self.kept = np.flatnonzero(algebraic[rows] & algebraic[columns])
        self.rows, self.columns = place[rows[self.kept]], place[columns[self.kept]]

    def __call__(self, t, y, args: Args) -> tuple[Float[Array, " n"], Bool[Array, ""]]:
        """y, and whether its algebraic rows hold."""
        unknowns = self.unknowns
        if not len(unknowns):
            return y, jnp.array(True)

        def full(x, context):
            return context[1].at[unknowns].set(x)

        def residual(x, context):
            return self.system.rhs(context[0], full(x, context), context[2])[unknowns]

        def jacobian(x, context):
            return self.system.jacobian(context[0], full(x, context), context[2])[self.kept]

        pattern, context = (self.rows, self.columns), (t, y, args)
        found = newton(residual, jacobian, *pattern, y[unknowns], context, RTOL, ITERATIONS, own=self.own)
        return y.at[unknowns].set(found.x), found.converged
