"""The one control loop: every method, tier and entry point steps through `advance`.

`advance` tries a step, accepts or rejects it, and proposes the next step size. Steps end where the equations jump in
time (`time_events.py`), and start anew there; they end where inputs bend (`knots.py`), and go on. It is
differentiated as written, with step sizes held constant (all but those that end at t1 or at a jump), so that
derivatives are those of the discrete solution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import accounting
from stiffdsl.solve.base.accounting import Diagnostics, account
from stiffdsl.solve.base.between_steps import coefficients, error_between
from stiffdsl.solve.base.crossings import SAME
from stiffdsl.solve.base.dense_output import interpolate
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.first_step import EPSILON, ROUNDINGS, chosen, limited, trial
from stiffdsl.solve.base.first_step import behind as behind_jump
from stiffdsl.solve.base.method import Method, Tolerance, Work, is_explicit, opened, renewed, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate.branches import ATTEMPTS, FIRST, Kink, has_branches, no_kink, share
from stiffdsl.solve.integrate.degenerate_instants import looks_ahead, settled_ahead
from stiffdsl.solve.integrate.events import (
    EventMemory,
    conditions,
    cut,
    event_count,
    instant,
    located,
    no_events,
    remembered,
)
from stiffdsl.solve.integrate.held_conditions import held, holds, share_held
from stiffdsl.solve.integrate.knots import Knots, reach_of
from stiffdsl.solve.integrate.time_events import Consistent, has_time_events, next_time_event, within

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float, Int


# This many rejections in a row shrink a step by at least 1e-30: there is nothing to be gained from more.
MOST_REJECTIONS = 60
# A last step may be longer than proposed by this much, so that no sliver is left.
STRETCH = 1.01
# Up to a knot within so many proposed steps it goes by steps of one length.
HALVED = 2.0


class Problem(NamedTuple):
    """An initial value problem, all of it traced. `saveat` runs in the direction from t0 to t1."""

    t0: Float[Array, ""]
    t1: Float[Array, ""]
    y0: Float[Array, " n"]
    args: Any
    saveat: Float[Array, " m"]


class Limits(NamedTuple):
    """Step control of a solve, not differentiated; a `first_step` of zero lets the solver choose. `accounts` is None,
    or an empty tuple where the state holds the sums of `accounting.py`; `for_slopes` is None, or an empty tuple where
    derivatives of the solve are taken (`branches.py`)."""

    tolerance: Tolerance
    first_step: Float[Array, ""]
    max_step: Float[Array, ""]
    accounts: tuple[()] | None = None
    for_slopes: tuple[()] | None = None


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
    """Between two attempts. `h` is the next step, signed; `stop` when the next jump is (infinite: never); `lines`
    what jumped last and what jumps there (`time_events.py`); `opening` what the last step behind a knot showed to be
    its size, and whether one follows; `kink` where it ends for a kink (`branches.py`); `events` what events came
    (`events.py`), None where there are none; `previous` the error of the last accepted step; `scaled` the errors by
    unknown of the last attempt, and `failure` its status."""

    t: Float[Array, ""]
    h: Float[Array, ""]
    stop: Float[Array, ""]
    y: Float[Array, " n"]
    memory: Any
    previous: Float[Array, ""]
    lines: tuple[Int[Array, ""], Int[Array, ""]]
    rejections: Int[Array, ""]
    opening: tuple[Float[Array, ""], Int[Array, ""]]
    kink: Kink
    events: EventMemory | None
    status: Int[Array, ""]
    failure: Int[Array, ""]
    scaled: Float[Array, " n"]
    counts: Int[Array, " 7"]
    sums: Diagnostics | None = None


class Step(NamedTuple):
    """The attempt just made, from t to t + h: what dense output needs, where it was accepted. `after` is the value that
    the next step begins with: not y1 where algebraic unknowns jump, which `jumps` says."""

    accept: Bool[Array, ""]
    t: Float[Array, ""]
    h: Float[Array, ""]
    end: Float[Array, ""]
    y0: Float[Array, " n"]
    y1: Float[Array, " n"]
    K: Float[Array, "r n"]
    after: Float[Array, " n"]
    jumps: Bool[Array, ""]


def _status_within(system: Any, t, y, args, limits: Limits, accept, status):
    """The status, and OUTSIDE where a system says that it has no values for what was accepted: a solve ends with the
    step that ends there."""
    if not getattr(system, "bounded", False):
        return status
    return jnp.where(accept & system.outside(t, y, args, limits.tolerance.rtol), Status.OUTSIDE, status)


def knots_of(system: Any, args: Any) -> Knots | None:
    """The knots that a system says there are, if it says so."""
    found = getattr(system, "knots", None)
    return None if found is None else found(args)


class _Begun(NamedTuple):
    """A solve at a time from which it goes on without memory: consistent values, the first step, the next jump."""

    y: Float[Array, " n"]
    h: Float[Array, ""]
    stop: Float[Array, ""]
    lines: tuple[Int[Array, ""], Int[Array, ""]]
    memory: Any
    consistent: Bool[Array, ""]
    # Whether no slope is infinite, as far as it was looked at.
    sloped: Bool[Array, ""]
    evaluations: Int[Array, ""]
    # Events so far, whether some fired here, and the status of what they ended.
    events: EventMemory | None
    fired: Bool[Array, ""]
    ended: Int[Array, ""]


def begin(method: Method, system: System, problem: Problem, limits: Limits, apart: bool = False) -> State:
    """The state before the first attempt; already at its end where t0 = t1 or y0 is not finite. Jumps at t0 lie
    behind; with `apart`, later ones at one time are passed one after the other."""
    t, y = problem.t0, problem.y0
    every = jnp.int32(np.iinfo(np.int32).max)
    none = jnp.zeros(())
    first = limits.first_step, none, none
    begun = _begin_at(method, system, problem, limits, t, y, first, every, apart, no_events(system))
    # Where the equations give no number a step may find one beside; where they are infinite no solution begins.
    finite = jnp.all(jnp.isfinite(y)) & begun.sloped
    status = jnp.where(t == problem.t1, Status.SUCCESS, Status.RUNNING)
    status = jnp.where(begun.ended > 0, begun.ended, status)
    status = _status_within(system, t, begun.y, problem.args, limits, True, status)
    status = jnp.where(begun.consistent, status, Status.INITIAL)
    status = jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int32)
    zero = jnp.zeros((), dtype=jnp.int32)
    counts = jnp.zeros(7, dtype=jnp.int32).at[2].set(begun.evaluations)
    scaled = jnp.where(finite, 0 * y, jnp.nan)
    return State(
        t,
        begun.h,
        begun.stop,
        begun.y,
        begun.memory,
        jnp.ones(()),
        begun.lines,
        zero,
        (jnp.full((), jnp.inf), zero),
        no_kink(),
        begun.events,
        status,
        zero,
        scaled,
        counts,
        None if limits.accounts is None else accounting.nothing(),
    )


def _begin_at(
    method: Method,
    system: Any,
    problem: Problem,
    limits: Limits,
    t,
    y,
    first,
    line,
    apart: bool,
    events: EventMemory | None,
    before: Any = None,
) -> _Begun:
    """From y at t on, in the branches that hold after t; where jumps are passed `apart`, after that of `line`. y is
    left alone where nothing jumps. `first`: the first step, that before a jump, and that proposed behind it; zero where
    there is none. `before`: what the conditions of events were before t; None where the solve begins."""
    args, tolerance, consistent = problem.args, limits.tolerance, jnp.array(True)
    end, lines = problem.t1, (jnp.int32(0), jnp.int32(0))
    stop = lax.stop_gradient(jnp.where(problem.t1 < problem.t0, -jnp.inf, jnp.inf))
    fired, ended, earlier = jnp.array(False), jnp.int32(0), args
    if has_time_events(system, args):
        found = next_time_event(system, args, t, problem.t1, line, apart)
        earlier = system.within(args, 2 * lax.stop_gradient(t) - found.side)
        stop, lines, args = found.time, (line, found.line), system.within(args, found.side)
        solve = Consistent(system)
        if len(solve.unknowns):
            y, consistent = lax.cond(found.here, lambda: solve(t, y, args), lambda: (y, jnp.array(True)))
        nearer = (stop != t) & (jnp.abs(stop - t) < jnp.abs(end - t))
        end = jnp.where(nearer, stop, end)
    if events is not None:
        also, begins = jnp.zeros(event_count(system), dtype=bool), before is None
        if before is None:
            before, also = conditions(system, t, y, earlier), jnp.asarray(system.event_at_start)
            before = jnp.where(jnp.asarray(system.event_from_start), 0.0, before)
        solve, far = Consistent(system), lax.stop_gradient(problem.t1 - problem.t0)
        happened = instant(system, solve, t, y, args, before, also)
        if looks_ahead(system) and not begins:
            happened = settled_ahead(system, solve, t, y, args, before, also, happened, events, far)
        y, fired = happened.y, happened.fired
        events, ended = remembered(events, happened, t, problem.t1 - problem.t0)
    h, evaluations, sloped = _first_step(
        method, system, Problem(t, end, y, args, problem.saveat), limits, *first
    )
    memory = method.start(t, y, h, args, tolerance)
    return _Begun(y, h, stop, lines, memory, consistent, sloped, evaluations, events, fired, ended)


def _first_step(
    method: Method, system: System, problem: Problem, limits: Limits, first_step, before, proposed
):
    """The first step (`first_step.py`), as long as the interval, the one `before` a jump and the one `proposed` behind
    it allow. Algebraic unknowns have no slope and do not move."""
    t, y, args, tolerance = problem.t0, problem.y0, problem.args, limits.tolerance
    span = problem.t1 - t
    direction = jnp.where(span < 0, -1.0, 1.0)
    length = jnp.minimum(jnp.abs(span), limits.max_step)
    before = jnp.minimum(before, length)
    slope = system.mass * system.rhs(t, y, args)

    def by_slopes():
        size, norm = scale(y, y, tolerance), ErrorNorm(system)
        d1 = norm.of(slope, size)
        h0 = trial(jnp, norm.of(y, size), d1, length, before)
        later = system.mass * system.rhs(t + direction * h0, y + direction * h0 * slope, args)
        d2 = norm.of(later - slope, size) / h0
        return chosen(jnp, h0, d1, d2, length, before, method.order), jnp.int32(2)

    # What is too long for an explicit step shows in its error, whatever began to move.
    known = jnp.where(first_step > 0, first_step, proposed if is_explicit(method) else 0.0)
    h, evaluations = lax.cond(known > 0, lambda: (known, jnp.int32(1)), by_slopes)
    sloped = ~jnp.any(jnp.isinf(lax.stop_gradient(slope)))
    h = behind_jump(jnp, h, proposed)
    return lax.stop_gradient(direction * limited(jnp, h, t, length)), evaluations, sloped


def advance(
    method: Method, system: Any, problem: Problem, limits: Limits, state: State, apart: bool = False
) -> tuple[State, Step]:
    """One attempt, whether it is accepted or not."""
    t, y, stopping = state.t, state.y, has_time_events(system, problem.args)
    knots, kinked = knots_of(system, problem.args), has_branches(system)
    goal, stops, bends, arrives, h = _aimed(problem, state, stopping, knots, kinked)
    recalled = getattr(method, "recalled", None)
    if recalled is not None:
        problem = problem._replace(args=recalled(state.memory, problem.args, t, h))
    # A step of no length between two jumps at one time, where these are passed one after the other.
    between = stops & (goal == t) if apart else None
    h, args, attempt = _attempt(method, system, problem, limits, state, h, between, goal)
    rough = coefficients(method, system)
    if rough:
        error = error_between(rough, system, attempt, t, y, h, args, limits.tolerance, state.rejections)
        attempt = attempt._replace(error=error if between is None else jnp.where(between, 0.0, error))
    error = lax.stop_gradient(attempt.error)
    accept = error <= 1.0
    ends_short, other, steep, kink = jnp.array(False), jnp.array(False), jnp.array(False), state.kink
    if kinked:
        accept, ends_short, other, steep, kink = _within_branches(
            method, system, limits, state, attempt, accept, between, h, args
        )
    shorter = 1.0
    if knots is not None or kinked:
        # A finished lane tries steps of no length.
        shorter = lax.stop_gradient(jnp.where(h == 0, 1.0, jnp.maximum(1.0, jnp.abs(state.h / h))))
    memory, factor = method.advance(attempt, accept, t, y, h, state.previous, state.rejections, shorter)
    end = jnp.where(arrives, goal, t + h)
    y1, K, event, whole_step = attempt.y, attempt.K, None, h
    happens = lost = jnp.array(False)
    if state.events is not None:
        looked = accept & (h != 0) if between is None else accept & (h != 0) & ~between
        event, h, y1, K, whole = _up_to_event(system, looked, t, y, h, attempt, args)
        happens, lost = event.found, event.lost
        end = jnp.where(whole, end, t + h)
        arrives = arrives & whole
    last = arrives & (goal == problem.t1)

    # An event says nothing of the size that steps can have.
    proposed = lax.stop_gradient(whole_step * factor)
    if kinked:
        proposed, memory = _behind_kink(method, state, memory, proposed, ends_short, other, steep, kink)
    proposed = jnp.clip(proposed, -limits.max_step, limits.max_step)
    t_next, y_next = jnp.where(accept, end, t), jnp.where(accept, y1, y)
    previous = jnp.where(accept & (shorter <= 1.0), error, state.previous)
    lands = (accept & arrives & stops) | happens
    opening = state.opening
    if knots is not None:
        proposed, memory, opening = _opened(method, state, memory, proposed, accept, accept & arrives & bends)
    fine, none = jnp.array(True), jnp.int32(0)
    go_on = _Begun(
        y_next, proposed, state.stop, state.lines, memory, fine, fine, none, state.events, ~fine, none
    )
    if stopping or state.events is not None:
        step_end = t, whole_step, attempt.y, args
        go_on = _landed(method, system, problem, limits, state, lands, t_next, go_on, event, step_end, apart)
        previous = jnp.where(lands, 1.0, previous)
    rejections = jnp.where(accept, 0, state.rejections + ~ends_short)
    failure = jnp.where(accept, Status.SUCCESS, attempt.status)
    status = _status(go_on, t_next, rejections, failure, accept & last, lost)
    status = _status_within(system, end, y1, args, limits, accept, status)
    jumps = lands & (bool(np.any(system.mass == 0)) | go_on.fired)

    sums = state.sums
    if sums is not None:
        sums = account(sums, system, attempt, accept, t, y, h, args, limits.tolerance)
    lands_anywhere = stopping or state.events is not None
    scaled = _blamed(system, attempt.scaled, go_on, y_next) if lands_anywhere else attempt.scaled
    scaled = lax.stop_gradient(scaled)
    # Nothing goes on from t1.
    counts = state.counts + _counted(accept, attempt.work, jnp.where(last, 0, go_on.evaluations))
    return State(
        t_next,
        go_on.h,
        go_on.stop,
        go_on.y,
        go_on.memory,
        previous,
        go_on.lines,
        rejections.astype(jnp.int32),
        opening,
        kink,
        go_on.events,
        status.astype(jnp.int32),
        failure.astype(jnp.int32),
        scaled,
        counts,
        sums,
    ), Step(accept, t, h, end, y, y1, K, go_on.y, jumps)


def _counted(accept, work: Work, evaluations) -> Int[Array, " c"]:
    """Counts that an attempt adds to those of a solve; `evaluations` of f where the next step begins."""
    work = work._replace(rhs=work.rhs + evaluations)
    return jnp.stack([jnp.asarray(c, dtype=jnp.int32) for c in (accept, ~accept, *work)])


def _within_branches(
    method: Method, system: Any, limits: Limits, state: State, attempt, accept, between, h, args
):
    """Whether an attempt is accepted after its conditions were looked at; whether it ends short of a kink, or with
    other branches, or for a steep slope; and the kink."""
    asked = accept & (state.kink.attempts < ATTEMPTS) & (h != 0)
    if between is not None:
        asked = asked & ~between
    given = system, asked, state.t, state.y, h, attempt, args, limits.tolerance
    slopes = limits.for_slopes is not None
    possible, other, there = share_held(*given) if holds(method, system, slopes) else share(*given, slopes)
    steep, possible = possible < 0, jnp.abs(possible)
    # Methods with stages beside the solution halve their steps for these.
    before = asked & ~there & (attempt.arguments is None)
    accept, ends_short, kink = _short_of_kink(state, accept, possible, before, h)
    return accept, ends_short, other, steep, kink


def _up_to_event(system: Any, looked, t, y, h, attempt, args):
    """The event in a step, or none; the step's length, end and dense output up to there; whether that is all of it."""
    event = located(system, looked, t, y, h, attempt.y, attempt.K, args)
    cuts = event.found | event.lost
    length, y1, K = lax.cond(
        cuts,
        lambda: tuple(cut(system, event, t, y, h, attempt.y, attempt.K, args)),
        lambda: (h, attempt.y, attempt.K),
    )
    return event, length, y1, K, ~cuts | (event.theta >= 1.0)


def _behind_kink(method: Method, state: State, memory, proposed, ends_short, other, steep, kink: Kink):
    """The next step and the memory of the method: a step that ended short was as long as it could be, so what it was to
    be is made behind the kink."""
    whole_again = lax.stop_gradient(jnp.where(steep, kink.h, state.h))
    proposed = jnp.where(ends_short, whole_again, proposed)
    memory = jax.tree.map(lambda new, old: jnp.where(ends_short, old, new), memory, state.memory)
    memory = jax.tree.map(lambda new, old: jnp.where(other, new, old), renewed(method, memory), memory)
    return proposed, memory


def _landed(
    method: Method,
    system: Any,
    problem: Problem,
    limits: Limits,
    state: State,
    lands,
    t_next,
    go_on: _Begun,
    event: Any,
    step_end: tuple[Any, ...],
    apart: bool,
) -> _Begun:
    """The state that steps go on from: `go_on`, or a new beginning where an attempt `lands` on a jump or an event.
    Conditions were as they are at the end of the whole step, or, of an event, just before it."""
    line = state.lines[1]
    first = jnp.zeros(()), *(lax.stop_gradient(jnp.abs(h)) for h in (state.h, go_on.h))

    def anew() -> _Begun:
        before = None
        if event is not None:
            t, length, y, args = step_end
            before = jnp.where(event.found, event.before, conditions(system, t + length, y, args))
        return _begin_at(
            method, system, problem, limits, t_next, go_on.y, first, line, apart, state.events, before
        )

    return lax.cond(lands, anew, lambda: go_on)


def _blamed(system: Any, scaled, go_on: _Begun, y_next):
    """The errors by unknown; after a search that failed, how far it moved each: all algebraic ones if it moved none."""
    moved = jnp.abs(go_on.y - y_next) / (jnp.abs(y_next) + EPSILON)
    moved = jnp.where(jnp.any(moved > 0), moved, np.asarray(system.mass) == 0)
    return jnp.where(go_on.consistent, scaled, moved)


def _aimed(problem: Problem, state: State, stopping: bool, knots: Knots | None, kinked: bool):
    """The time that steps are to reach next, whether a jump or a knot lies there, whether the attempt from `state` ends
    there, and its size."""
    t, backward = state.t, problem.t1 < problem.t0
    stops = stopping & jnp.where(backward, state.stop >= problem.t1, state.stop <= problem.t1)
    goal, bends = jnp.where(stops, state.stop, problem.t1), jnp.array(False)
    if knots is not None:
        reach = reach_of(knots, t, backward, goal)
        stops, bends, goal = stops & (reach == goal), reach != goal, reach
    remaining = goal - t
    arrives = jnp.abs(state.h) * STRETCH >= jnp.abs(remaining)
    planned = lax.stop_gradient(state.h)
    if knots is not None:
        # Two steps of one length, and not a long one and a sliver.
        halved = bends & (HALVED * jnp.abs(state.h) >= jnp.abs(remaining))
        planned = lax.stop_gradient(jnp.where(halved, 0.5 * remaining, planned))
    if kinked:
        short = state.kink.h != 0
        planned = lax.stop_gradient(jnp.where(short, state.kink.h, planned))
        arrives = jnp.where(short, jnp.abs(state.kink.h) >= jnp.abs(remaining), arrives)
    return goal, stops, bends, arrives, jnp.where(arrives, remaining, planned)


def _attempt(method: Method, system: Any, problem: Problem, limits: Limits, state: State, h, between, goal):
    """The size of the step, its arguments, and the attempt. With `between` (as in `advance`) the ends of the step may
    move apart, and the method's attempt is not used."""
    t, y = state.t, state.y
    if holds(method, system, limits.for_slopes is not None):
        method = held(method, state)
    if between is None:
        args = within(system, problem.args, t + 0.5 * h)
        return h, args, method.attempt(state.memory, t, y, h, args, limits.tolerance)
    h = jnp.where(between, lax.stop_gradient(state.h), h)
    side = next_time_event(system, problem.args, t, problem.t1, state.lines[0], apart=True).side
    args = system.within(problem.args, jnp.where(between, side, lax.stop_gradient(t + 0.5 * h)))
    attempt = method.attempt(state.memory, t, y, h, args, limits.tolerance)
    moved = y + (goal - t) * system.mass * system.rhs(t, y, args)
    attempt = attempt._replace(
        y=jnp.where(between, moved, attempt.y), error=jnp.where(between, 0.0, attempt.error)
    )
    return h, args, attempt


def _short_of_kink(state: State, accept, possible, before, h):
    """Whether an attempt is accepted of which the share `possible` lies before a kink; whether it is made again, up to
    there; and the kink. `before`: whether conditions at its end are as at its start."""
    early = state.kink.early
    part = h * jnp.where(early & (possible < FIRST), 0.5, possible)
    # A step gets somewhere.
    part = jnp.where(jnp.abs(part) > ROUNDINGS * EPSILON * jnp.abs(state.t), part, h)
    part = lax.stop_gradient(part)
    ends_short = accept & (jnp.abs(part) < jnp.abs(h))
    accept = accept & ~ends_short
    attempts = jnp.where(accept, 0, state.kink.attempts + ends_short).astype(jnp.int32)
    early = jnp.where(accept, (state.kink.h != 0) & before, early)
    return accept, ends_short, Kink(jnp.where(ends_short, part, 0.0), attempts, early)


def _status(go_on: _Begun, t, rejections, failure, done, lost):
    """The status after an attempt, from what steps go on with at t: success at the end, or the reason to stop, which
    may be an event that was `lost`."""
    stuck = (jnp.abs(go_on.h) <= 4 * EPSILON * jnp.abs(t)) | (rejections >= MOST_REJECTIONS)
    reason = jnp.where(failure == Status.SUCCESS, Status.STEP_TOO_SMALL, failure)
    status = jnp.where(done, Status.SUCCESS, jnp.where(stuck, reason, Status.RUNNING))
    status = jnp.where(go_on.ended > 0, go_on.ended, status)
    return jnp.where(lost, Status.ENDLESS, jnp.where(go_on.consistent, status, Status.JUMP))


def _opened(method: Method, state: State, memory, proposed, accept, bends):
    """The next step, the memory of the method and `opening`, after an attempt that ended at a knot if `bends`.
    What starts to move there needs short steps at first, mostly as short as behind the knot before."""
    size, opens = state.opening
    size = jnp.where(accept & (opens != 0), jnp.abs(proposed), size)
    shorter = bends & (size < jnp.abs(proposed))
    proposed = jnp.where(shorter, jnp.sign(proposed) * size, proposed)
    memory = jax.tree.map(lambda new, old: jnp.where(shorter, new, old), opened(method, memory), memory)
    opens = jnp.where(accept, bends, opens != 0).astype(jnp.int32)
    return proposed, memory, (size, opens)


class Saves(NamedTuple):
    """Values at the times of `saveat`, and how many of these times lie behind."""

    ys: Float[Array, "m n"]
    cursor: Int[Array, ""]


def begin_saves(problem: Problem, y: Float[Array, " n"]) -> Saves:
    """The value that the solve begins with at times equal to t0, NaN at all others."""
    ys = jnp.where((problem.saveat == problem.t0)[:, None], y, jnp.nan)
    behind = jnp.where(problem.t1 < problem.t0, problem.saveat >= problem.t0, problem.saveat <= problem.t0)
    return Saves(ys, jnp.sum(behind, dtype=jnp.int32))


def value_at(step: Step, time: Float[Array, ""]) -> Float[Array, " n"]:
    """The dense output of an accepted step; at its end, what is after it."""
    inside = interpolate(step.y0, step.y1, step.K, (time - step.t) / step.h)
    at_end = jnp.abs(time - step.end) <= SAME * jnp.abs(step.end)
    return jnp.where(step.jumps & at_end, step.after, inside)


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
    """The number of times in `saveat` that lie behind after an attempt; `cursor` is the number before it."""
    times = problem.saveat
    if times.shape[0] == 0:
        return cursor
    direction = jnp.where(problem.t1 < problem.t0, -1.0, 1.0)
    passed = jnp.searchsorted(direction * times, direction * step.end, side="right").astype(cursor.dtype)
    return jnp.where(step.accept, jnp.maximum(passed, cursor), cursor)


def run(
    method: Method, system: System, problem: Problem, limits: Limits, max_steps: int, apart: bool = False
) -> tuple[State, Saves]:
    """From t0 to t1, or to where the solve fails."""

    def body(carry):
        state, saves = carry
        state, step = advance(method, system, problem, limits, state, apart)
        return state, save(problem, saves, step)

    first = begin(method, system, problem, limits, apart)
    return lax.while_loop(
        lambda carry: goes_on(carry[0], max_steps), body, (first, begin_saves(problem, first.y))
    )


def goes_on(state: State, max_steps: int) -> Bool[Array, ""]:
    """Whether there is another attempt to make."""
    return (state.status == Status.RUNNING) & (state.counts[0] + state.counts[1] < max_steps)
