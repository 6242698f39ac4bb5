"""Events: where a condition turns true inside of a step, and what a solve goes on with behind it.

After a step that is accepted, conditions are looked at along its dense output: at `NODES`, and where the guard of one
may come near zero between two of these (lines through their neighbours meet there, or a cubic turns there), at its
extreme value, so that a condition that turns true and false again within a step is seen. A change to
true is located by secants to rounding, and what lies before it is looked at in the same way, until nothing turns true
there; the step ends just behind it, where the condition holds.

All events of an instant act at once, on the values before. Algebraic unknowns are solved for again, and whatever turned
true by that fires, until nothing does. Then the method starts anew.

The time of an event moves with the solution: its derivative is that of the zero of the guard (the end of the step is
corrected by one step of Newton's method, whose value is zero), which gives derivatives of what follows the saltation
matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.dense_output import interpolate, rows_at
from stiffdsl.solve.base.event_rules import CROWD, crowded, ending, most_rounds, trouble
from stiffdsl.solve.base.first_step import EPSILON
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import Args, System
from stiffdsl.solve.integrate.projection import Projection

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float, Int


# Parts of a step at which conditions are evaluated. Two beside one another at each end show slopes there; behind an
# event, what fires next may be near.
NODES = np.array([0.0, 1e-6, 1e-2, *np.arange(1, 8) / 8, 1.0 - 1e-6, 1.0])
# A step is looked at closely where, at these parts of it, a condition changes or its guard is nearer to zero than so
# many times what it changes by.
LOOKS, FAR = (0.0, 1 / 3, 2 / 3, 1.0), 8.0
# A guard whose extreme value between two nodes may come nearer to zero than this part of its height is looked at there,
# unless it is further from zero at all nodes than they are from one another.
NEAR = 0.25
# So many extreme values of a step are looked at, the most suspicious first, by so many steps of golden sections.
SUSPECTS, SECTIONS = 32, 45
# By so many roundings of time and values a condition is tried that seems to turn for an instant.
BLURRED = 4.0
# So often a step is looked at again, up to the event that was found.
ZOOMS = 12
# A condition that a step begins with is left at once where its guard is at most this part of what it falls by along its
# slope there, also over the first `SLIGHT` of the step, and either within rounding of zero or so many times less than
# what the parabola of the guard reaches beyond zero. Where it is false between is asked at these parts of that.
SOON, SLIGHT, DEEP, WITHIN = 0.25, 1e-3, 4.0, (0.1, 0.3, 0.5, 0.7, 0.9)
GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)
# Secants through the guards, and bisections after these, until a change is located to rounding. The guard of what turns
# true is at least so much; one that goes through zero is never beyond so much.
SECANTS, BISECTIONS, TURNED, BEYOND = 16, 60, 1e-300, 1e50


class EventSystem(System, Protocol):
    """A system with events. `guards` are numbers of which one fires where it rises, then one for each that is positive
    where the condition holds; `reset` is y after the events `fired` (1: yes), then the number of what ends the solve
    (0: nothing; below: an assertion that is violated), and whether events contradict one another. `event_at_start`:
    the events that fire at the start; `event_from_start`: those that do where their condition holds there;
    `event_located`: those that are to be looked for within steps, since time alone does not decide them. `still`: mask
    of the entries of y that change at events alone, which are what they are within a step, without rounding."""

    event_at_start: np.ndarray
    event_from_start: np.ndarray
    event_located: np.ndarray
    still: np.ndarray

    def guards(self, t, y, args: Args) -> Float[Array, " 2e"]: ...
    def reset(self, t, y, args: Args, fired: Float[Array, " e"]) -> Float[Array, " n+2"]: ...


class EventMemory(NamedTuple):
    """Between two attempts: when the last event was, how often each event has fired with only rounding between one
    instant and the next, and the number of what ended the solve."""

    last: Float[Array, ""]
    crowd: Int[Array, " e"]
    stop: Int[Array, ""]


class Located(NamedTuple):
    """The first event in a step: whether there is one, the part of the step behind which it lies, and what its
    conditions were just before. `lost`: up to there a condition turned false and true again within rounding."""

    found: Bool[Array, ""]
    theta: Float[Array, ""]
    before: Float[Array, " e"]
    lost: Bool[Array, ""]


class Instant(NamedTuple):
    """The values behind an instant, whether something fired, which events did, what ends the solve, and the status of
    what went wrong."""

    y: Float[Array, " n"]
    fired: Bool[Array, ""]
    acted: Bool[Array, " e"]
    stop: Int[Array, ""]
    status: Int[Array, ""]


def event_count(system: Any) -> int:
    """The number of events: known when a solve is compiled."""
    return len(getattr(system, "event_at_start", ()))


def no_events(system: Any) -> EventMemory | None:
    """The memory of a solve that begins."""
    count = event_count(system)
    if not count:
        return None
    return EventMemory(jnp.full((), -jnp.inf), jnp.zeros(count, jnp.int32), jnp.int32(0))


# --- location ---


class _Step:
    """An accepted step, along which conditions are looked at."""

    def __init__(self, system: Any, t, y, h, y1, K, args: Args):
        self.system, self.t, self.y, self.h, self.y1, self.K, self.args = system, t, y, h, y1, K, args
        self.count = event_count(system)

    def at(self, theta):
        """The condition of each event, and its guard."""
        y = self.value(theta)
        found = self.system.guards(self.t + theta * self.h, y, self.args)
        return found[: self.count], found[self.count :]

    def value(self, theta):
        """The dense output."""
        return jnp.where(self.system.still, self.y, interpolate(self.y, self.y1, self.K, theta))

    def guard(self, theta):
        return self.at(theta)[1]

    def along(self, theta):
        """As `at`, by the slopes at the beginning of the step."""
        slope = self.y1 - self.y + self.K[0]
        y = jnp.where(self.system.still, self.y, self.y + theta * slope)
        found = self.system.guards(self.t + theta * self.h, y, self.args)
        return found[: self.count], found[self.count :]

    def certain(self, theta, event, was) -> Bool[Array, ""]:
        """Whether an event is not as it `was`, wherever within rounding time and values are."""
        return self.all_certain(theta, was)[event]

    def all_certain(self, theta, was) -> Bool[Array, " e"]:
        """The same of each event."""
        t, y = self.t + theta * self.h, self.value(theta)
        blur = BLURRED * EPSILON * (jnp.abs(self.y) + jnp.abs(self.y1))
        blur = jnp.where(self.system.still, 0.0, blur)
        even = np.where(np.arange(len(self.y)) % 2, -1.0, 1.0)

        def tried(signs, later):
            time = t + later * BLURRED * EPSILON * jnp.abs(t)
            return self.system.guards(time, y + signs * blur, self.args)[: self.count] != was

        signs = jnp.stack([even, -even, jnp.ones_like(even), -jnp.ones_like(even)])
        later = jnp.array([1.0, -1.0, -1.0, 1.0])
        return jnp.all(lax.map(lambda each: tried(*each), (signs, later)), axis=0)

    def height(self, theta, before) -> Float[Array, ""]:
        """The greatest guard of the conditions that do not hold `before`: positive where one turned true, else not."""
        holds, guards = self.at(theta)
        greatest = jnp.max(jnp.where(before > 0, -BEYOND, guards))
        return jnp.where(jnp.any(holds > before), jnp.maximum(greatest, TURNED), jnp.minimum(greatest, 0.0))


def located(system: Any, asked, t, y, h, y1, K, args: Args) -> Located:
    """The first event of a step, where it is `asked` for; nothing of it is differentiated."""
    t, y, h, y1, K = lax.stop_gradient((t, y, h, y1, K))
    args = jax.tree.map(lambda x: lax.stop_gradient(x) if isinstance(x, jax.Array) else x, args)
    step = _Step(system, t, y, h, y1, K, args)
    none = Located(jnp.array(False), jnp.ones(()), jnp.zeros(step.count), jnp.array(False))
    if not np.any(system.event_located):
        return none

    def closely() -> Located:
        looks = lax.map(step.at, jnp.asarray(LOOKS))
        return lax.cond(_suspicious(*looks), lambda: _located(step, *looks), lambda: none)

    return lax.cond(lax.stop_gradient(asked), closely, lambda: none)


def _suspicious(holds: Float[Array, "l e"], guards: Float[Array, "l e"]) -> Bool[Array, ""]:
    """Whether a condition may turn true in the step, of which these are at `LOOKS`."""
    changes = jnp.any(holds != holds[0], axis=0)
    spread = jnp.max(guards, axis=0) - jnp.min(guards, axis=0)
    return jnp.any(changes | ~(jnp.min(jnp.abs(guards), axis=0) > FAR * spread))


class _Search(NamedTuple):
    """The part of a step in which the first event is looked for, and what was found so far."""

    low: Float[Array, ""]
    high: Float[Array, ""]
    theta: Float[Array, ""]
    before: Float[Array, " e"]
    going: Bool[Array, ""]
    rounds: Int[Array, ""]


def _left_at_once(
    step: _Step, holds: Float[Array, "l e"], guards: Float[Array, "l e"]
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """The part of the step in which conditions, those it begins and ends with, turn false and true again, where that is
    at its beginning; 0 where none does. And whether the first begins within rounding, and is never surely false there.

    By the parabola with the slope of the guard at the beginning: a ball that hardly leaves the floor, which no look at
    nodes would see."""
    g0, g1 = guards[0], guards[-1]
    (far, g2), (_, near) = step.along(1.0), step.along(SLIGHT)
    fall, whole = g0 - g2, g1 - g2
    leaves = (holds[0] > 0) & (holds[-1] > 0) & ~(far > 0) & (fall > 0) & (g0 <= SOON * fall) & (near <= g0)
    leaves &= jnp.asarray(step.system.event_located) & (whole > 0)
    part = jnp.where(leaves, fall / jnp.where(leaves, whole, 1.0), 1.0)

    def surely():
        begins = step.all_certain(jnp.zeros(()), 0.0)
        left = leaves & (~begins | (0.25 * fall * part >= DEEP * g0))
        first = jnp.argmin(jnp.where(left, part, 2.0))
        seen = jnp.stack([step.certain(share * part[first], first, 1.0) for share in WITHIN])
        return left, left[first] & ~begins[first] & ~jnp.any(seen)

    leaves, hidden = lax.cond(jnp.any(leaves), surely, lambda: (leaves, jnp.array(False)))
    return jnp.where(jnp.any(leaves), jnp.min(jnp.where(leaves, part, 1.0)), 0.0), hidden


def _located(step: _Step, holds: Float[Array, "l e"], guards: Float[Array, "l e"]) -> Located:
    nothing = jnp.array(2.0)
    part, hidden = _left_at_once(step, holds, guards)
    leaves, near = part > 0, jnp.minimum(2.0 * part, 1.0)

    def begun(high, going) -> _Search:
        return _Search(jnp.zeros(()), high, nothing, holds[-1], going, jnp.int32(0))

    def look(search: _Search) -> _Search:
        found, lower, low, high = _bracket(step, search.low, search.high, search.rounds == 0)
        theta, before = lax.cond(
            found, lambda: _turned(step, low, high), lambda: (search.theta, search.before)
        )
        return _Search(lower, theta, theta, before, found, search.rounds + 1)

    def searched(search: _Search) -> _Search:
        return lax.while_loop(lambda search: search.going & (search.rounds < ZOOMS), look, search)

    first = searched(begun(near, leaves & ~hidden))
    found = searched(
        first._replace(high=jnp.ones(()), going=~hidden & ~(first.theta <= 1.0), rounds=jnp.int32(0))
    )
    happens = found.theta <= 1.0
    theta = jnp.where(happens, found.theta, jnp.where(hidden, near, 1.0))
    return Located(happens, theta, found.before, hidden)


def _bracket(step: _Step, low, high, whole) -> tuple[Any, Any, Any, Any]:
    """Whether a condition turns true between two parts of a step; the node before, and parts between which the first
    does, as far as is seen. That one turns true just before `high` is known, where this is not the `whole` step."""
    nodes = low + (high - low) * jnp.asarray(NODES)
    holds, guards = lax.map(step.at, nodes)
    rising = jnp.any(holds[1:] > holds[:-1], axis=1)
    rising = rising.at[-1].set(rising[-1] & whole)
    first, found = jnp.argmax(rising), jnp.any(rising)
    before, begin, end = (jnp.where(found, nodes[jnp.maximum(first + k, 0)], high) for k in (-1, 0, 1))
    score, place, event = _suspects(holds, guards)

    def look(carry):
        k, before, begin, end, found = carry
        own, left, right = event[k], nodes[place[k]], nodes[place[k] + 1]

        def searched():
            was = holds[place[k], own]
            peak, turned = _extreme(step, own, was, left, right)
            # False, true, false rises before the extreme value; true, false, true behind it.
            first, second = jnp.where(was > 0, peak, left), jnp.where(was > 0, right, peak)
            earlier = turned & (first < begin)
            near = jnp.where(earlier, nodes[place[k] - 1], before)
            return near, jnp.where(earlier, first, begin), jnp.where(earlier, second, end), found | turned

        return k + 1, *lax.cond(left < begin, searched, lambda: (before, begin, end, found))

    def more(carry):
        return (carry[0] < len(event)) & (score[jnp.minimum(carry[0], len(event) - 1)] > 0)

    _, before, begin, end, found = lax.while_loop(more, look, (jnp.int32(0), before, begin, end, found))
    return found, before, begin, end


def _slope_weights() -> np.ndarray:
    """Slopes at the nodes from values at all of them: those of polynomials of degree four through five nodes that are
    evenly spread."""
    even = np.flatnonzero(np.isin(NODES, np.arange(9) / 8))
    weights = np.zeros((len(NODES), len(NODES)))
    for k, x in enumerate(NODES):
        first = int(np.clip(round(8 * x) - 2, 0, len(even) - 5))
        used = even[first : first + 5]
        powers = np.vander(NODES[used] - x, increasing=True)
        weights[k, used] = np.linalg.inv(powers)[1]
    return weights


SLOPES = _slope_weights()


def _suspects(holds, guards):
    """Places where a guard may turn between nodes unseen: a score that is positive where it may, the node before, and
    the event; the most suspicious first."""
    x = NODES[:, None]
    secants = (guards[1:] - guards[:-1]) / (x[1:] - x[:-1])
    slopes = jnp.asarray(SLOPES) @ guards
    # Towards zero: up where the condition does not hold, down where it does.
    sign = jnp.where(holds[1:-2] > 0, -1.0, 1.0)
    left, right, wide = sign * guards[1:-2], sign * guards[2:-1], x[2:-1] - x[1:-2]
    lines = possible_height(jnp, wide, left, right, sign * secants[:-2], sign * secants[2:])
    curves = possible_height(jnp, wide, left, right, sign * slopes[1:-2], sign * slopes[2:-1])
    height = jnp.maximum(lines, curves)
    near = height + jnp.maximum(left, right) + NEAR * height
    low, high = jnp.min(guards, axis=0), jnp.max(guards, axis=0)
    far = (low > high - low) | (-high > high - low)
    suspect = (holds[1:-2] == holds[2:-1]) & (height > 0) & (near > 0) & ~far
    score = jnp.where(suspect, near / jnp.where(height > 0, height, 1.0), -1.0)
    best, index = lax.top_k(score.reshape(-1), min(SUSPECTS, score.size))
    return best, 1 + index // guards.shape[1], index % guards.shape[1]


def possible_height(xp: Any, wide, left, right, up, down):
    """By how much a function may exceed its values `left` and `right` at two places, `wide` apart, between these; `up`
    and `down` are its slopes there. Zero where it has no maximum."""
    most = xp.where(left > right, left, right)
    # Two lines that meet: a peak.
    turns = (up > 0) & (down < 0)
    fall = xp.where(turns, up - down, 1.0)
    meet = left + up * ((right - left - down * wide) / fall)
    # The maximum of the cubic with these slopes.
    rise = right - left
    second = 3.0 * rise - (2.0 * up + down) * wide
    third = (up + down) * wide - 2.0 * rise
    square = second * second - 3.0 * third * up * wide
    root = xp.sqrt(xp.where(square > 0, square, 0.0))
    bent = second > 0
    over = xp.where(bent, 3.0 * third, root - second)
    part = xp.where(bent, 0.0 - second - root, up * wide) / xp.where(over == 0, 1.0, over)
    inside = (square > 0) & (over != 0) & (part > 0) & (part < 1)
    cubic = left + part * (up * wide + part * (second + part * third))
    peak = xp.where(turns & (meet > most), meet, most)
    return xp.where(inside & (cubic > peak), cubic, peak) - most


def _extreme(step: _Step, event, was, left, right):
    """The part of the step at which the guard of `event` comes furthest towards the other side of zero, and whether it
    gets there: searched by golden sections until it is there."""
    sign = jnp.where(was > 0, -1.0, 1.0)

    def value(theta):
        holds, guards = step.at(theta)
        turned = holds[event] != was
        turned = lax.cond(turned, lambda: step.certain(theta, event, was), lambda: turned)
        return sign * guards[event], turned

    def going(carry):
        *_, count, turned = carry
        return (count < SECTIONS) & ~turned

    def narrowed(carry):
        left, right, x1, x2, v1, v2, count, _ = carry
        upper = v1 < v2
        left, right = jnp.where(upper, x1, left), jnp.where(upper, right, x2)
        new = jnp.where(upper, left + GOLDEN * (right - left), right - GOLDEN * (right - left))
        v, turned = value(new)
        x1, x2 = jnp.where(upper, x2, new), jnp.where(upper, new, x1)
        v1, v2 = jnp.where(upper, v2, v), jnp.where(upper, v, v1)
        return left, right, x1, x2, v1, v2, count + 1, turned

    x1, x2 = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
    (v1, t1), (v2, t2) = value(x1), value(x2)
    first = left, right, x1, x2, v1, v2, jnp.int32(0), t1 | t2
    _, _, x1, x2, v1, v2, _, turned = lax.while_loop(going, narrowed, first)
    holds1 = value(x1)[1]
    return jnp.where(holds1, x1, x2), turned


class _Bracket(NamedTuple):
    """Parts of a step between which a condition turns true, with the greatest guard of those that do not hold before,
    as it counts for secants; `side`: which part was moved last."""

    low: Float[Array, ""]
    high: Float[Array, ""]
    below: Float[Array, ""]
    above: Float[Array, ""]
    side: Float[Array, ""]
    tries: Int[Array, ""]


def _turned(step: _Step, low, high) -> tuple[Any, Any]:
    """The part of the step behind which a condition turns true, to rounding, and what conditions are just before.

    The guards are followed by secants (the Illinois method; Dowell and Jarratt, BIT 11, 1971), each at least a rounding
    inside, so that both parts come near; after `SECANTS` of these, by bisection.
    """
    before = step.at(low)[0]

    def rounding(bracket: _Bracket):
        return EPSILON * jnp.maximum(jnp.abs(step.t), jnp.abs(step.h) * bracket.high)

    def going(bracket: _Bracket):
        apart = (bracket.high - bracket.low) * jnp.abs(step.h)
        return (apart > rounding(bracket)) & (bracket.tries < SECANTS + BISECTIONS)

    def narrowed(bracket: _Bracket) -> _Bracket:
        low, high, below, above, side, tries = bracket
        least = rounding(bracket) / jnp.abs(step.h)
        place = next_place(jnp, low, high, below, above, least, tries < SECANTS)
        height = step.height(place, before)
        there = height > 0
        # A part that stays twice counts half.
        below = jnp.where(there, jnp.where(side > 0, 0.5 * below, below), height)
        above = jnp.where(there, height, jnp.where(side < 0, 0.5 * above, above))
        low, high = jnp.where(there, low, place), jnp.where(there, place, high)
        return _Bracket(low, high, below, above, jnp.where(there, 1.0, -1.0), tries + 1)

    begun = step.height(low, before), step.height(high, before), jnp.zeros(()), jnp.int32(0)
    low, high, *_ = lax.while_loop(going, narrowed, _Bracket(low, high, *begun))
    # A rounding further, it is true however its time is computed.
    further = jnp.minimum(high + (high - low), 1.0)
    return jnp.where(step.height(further, before) > 0, further, high), step.at(low)[0]


def next_place(xp: Any, low, high, below, above, least, secants):
    """The place between `low` and `high` at which guards are looked at next: where the line through `below` and `above`
    is zero, `least` away from both; the middle where that says nothing."""
    wide = high - low
    rise = above - below
    line = low - wide * (below / xp.where(rise > 0, rise, 1.0))
    inside = xp.where(line > high - least, high - least, xp.where(line < low + least, low + least, line))
    usable = secants & (rise > 0) & (rise < BEYOND) & (wide > 2.0 * least)
    return xp.where(usable, inside, low + 0.5 * wide)


class CutStep(NamedTuple):
    """A step that ends at an event inside of it, or where one is lost: its length, its end, and its dense output."""

    h: Float[Array, ""]
    y1: Float[Array, " n"]
    K: Float[Array, "r n"]


def cut(system: Any, found: Located, t, y, h, y1, K, args: Args) -> CutStep:
    """The step up to the event. Its length follows the zero of the guard that fires."""
    step = _Step(system, t, y, h, y1, K, args)
    theta = found.theta
    holds = lax.stop_gradient(step.at(theta)[0])
    event = jnp.argmax(holds > found.before)

    def own(theta):
        return step.guard(theta)[event]

    still = _Step(system, *lax.stop_gradient((t, y, h, y1, K)), args)
    slope = lax.stop_gradient(jax.jvp(lambda s: still.guard(s)[event], (theta,), (jnp.ones(()),))[1])
    level = own(theta)
    moves = (level - lax.stop_gradient(level)) / jnp.where(slope == 0, 1.0, slope)
    theta = theta - jnp.where(slope == 0, 0.0, moves)
    end = step.value(theta)
    # The polynomial over the part of the step, by its values at nodes.
    count = K.shape[0]
    nodes = np.arange(1, count + 1) / (count + 1)
    values = jax.vmap(lambda s: step.value(s * theta))(jnp.asarray(nodes))
    s = nodes[:, None]
    inner = (values - (1 - s) * y - s * end) / (s * (1 - s))
    inner = jnp.where(system.still, 0.0, inner)
    return CutStep(theta * h, end, jnp.asarray(rows_at(nodes)) @ inner)


# --- instants ---


def conditions(system: Any, t, y, args: Args) -> Float[Array, " e"]:
    """The condition of each event: it fires where this rises."""
    return lax.stop_gradient(system.guards(t, y, args)[: event_count(system)])


def instant(system: Any, consistent: Any, t, y, args: Args, before, also) -> Instant:
    """The values that a solve goes on with behind the instant t: conditions were as `before`; `also` says which fire
    whatever they are. `consistent`: algebraic unknowns for states (`time_events.Consistent`)."""
    size, algebraic = y.shape[0], len(consistent.unknowns) > 0
    project = Projection(system) if getattr(system, "invariant_count", 0) else None
    now = conditions(system, t, y, args)
    fired = (now > before) | also
    none = jnp.int32(0)

    def act(carry):
        y, now, fired, acted, stop, status = carry
        found = system.reset(t, y, args, fired.astype(y.dtype))
        was, y, good = y, found[:size], jnp.array(True)
        if project is not None:
            y, good = project.behind(t, was, y, args)
        if algebraic:
            y, solved = consistent(t, y, args)
            good &= solved
        later = conditions(system, t, y, args)
        stop, status = ended_by_round(found, good, stop, status)
        waiting = (later > now) & (stop == 0) & (status == 0)
        return y, later, waiting, acted | fired, stop, status

    def round_(carry, _):
        return lax.cond(jnp.any(carry[2]), act, lambda carry: carry, carry), None

    begun = (y, now, fired, jnp.zeros_like(fired), none, none)
    length = most_rounds(event_count(system))
    (y, _, waiting, acted, stop, status), _ = lax.scan(round_, begun, None, length=length)
    status = jnp.where((status == 0) & jnp.any(waiting), Status.ENDLESS, status).astype(jnp.int32)
    return Instant(y, jnp.any(fired), acted, stop, status)


def ended_by_round(found, solved, stop, status) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """Number of the end of the run, and status of what went wrong (both 0: nothing), after rounds of events with `stop`
    and `status` and one more, whose reset is `found`; `solved`: algebraic unknowns have values behind it."""
    found = lax.stop_gradient(found)
    finite = jnp.all(jnp.isfinite(found[:-2]))
    wrong = trouble(jnp, found[-1] > 0, finite, solved)
    stop = jnp.where(stop != 0, stop, found[-2].astype(jnp.int32))
    return stop, jnp.where(status > 0, status, wrong).astype(jnp.int32)


def remembered(memory: EventMemory, found: Instant, t, span) -> tuple[EventMemory, Int[Array, ""]]:
    """The memory after an instant, and the status of a solve that does not go on (else 0)."""
    t, span = lax.stop_gradient((t, span))
    again = crowded(jnp, t, memory.last, span, memory.crowd, found.acted)
    crowd = jnp.where(found.fired, again, memory.crowd).astype(jnp.int32)
    memory = EventMemory(jnp.where(found.fired, t, memory.last), crowd, found.stop)
    status = ending(jnp, found.status, found.stop, jnp.any(crowd > CROWD), 0)
    return memory, status.astype(jnp.int32)
