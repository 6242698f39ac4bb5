"""The events of a run, from its recorded steps: at every instant that values leap, what fired and what it changed.

Conditions just before the instant and at it say what fired first; `reset`, applied as the solve did, says what that led
to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from stiffdsl.flat.model import RunEnd
from stiffdsl.program.events import event_text
from stiffdsl.program.program import Program
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.system import Args
from stiffdsl.runtime.tables import value_text
from stiffdsl.solve.base.crossings import EPSILON, beside, jumps_here, line_at
from stiffdsl.solve.base.dense_output import interpolate_many
from stiffdsl.solve.base.status import BY_EVENTS, Status
from stiffdsl.solve.integrate.events import most_rounds
from stiffdsl.solve.integrate.record import Trajectory

# Parts of the last step before an instant by which conditions before it are told from those at it; and parts beyond it
# at which a condition holds that rounding keeps from holding there.
EARLIER = (1e-9, 1e-6, 1e-3)
BEYOND = (0.0, 1e-12, 1e-9)
# Ends of a run by events.
ENDINGS = *BY_EVENTS, Status.CHATTERING
# So many of the unknowns that an event changes are kept by name.
MOST = 1000


@dataclass(frozen=True)
class FiredEvent:
    """An event that fired: at `time`, the `when` as it is written, its line, its place among repetitions (None: it is
    not repeated), and the variables that changed at that instant: name to values before and after, in declared units.
    `labels` are those of the enumerations among these.
    """

    time: float
    when: str
    line: int
    member: int | None
    changes: dict[str, tuple[float, float]]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        where = "" if self.member is None else f" (number {self.member})"
        told = ", ".join(
            f"{name} {self._text(name, a)} -> {self._text(name, b)}" for name, (a, b) in self.changes.items()
        )
        return f"time = {self.time:.9g}: {self.when}{where}" + (f": {told}" if told else "")

    def _text(self, name: str, value: float) -> str:
        return value_text(value, self.labels.get(name, ()))


class EventLog(tuple[FiredEvent, ...]):
    """The events of a run in their order, printed one on a line."""

    def __repr__(self) -> str:
        if not self:
            return "no events"
        shown = [str(e) for e in self[:20]]
        return "\n".join([*shown, f"… {len(self) - 20} more"] if len(self) > 20 else shown)


@dataclass(frozen=True)
class FiredInstant:
    """Events that fired at an instant, as numbers of members in the order in which they fired; values before and after,
    and what ended the run (0: nothing)."""

    time: float
    fired: list[int]
    before: np.ndarray
    after: np.ndarray
    stop: int
    conflict: list[int]


def instants(
    model: CompiledProgram, steps: Trajectory, args: Args, y0: np.ndarray, last: bool = False
) -> Iterator[FiredInstant]:
    """The instants of recorded `steps` in their order, or from the `last` one back; `y0` is what the run began with."""
    t, y = steps.t, steps.y
    assert steps.K is not None, "a run with events is recorded step by step"
    look = _Look(model, args)
    events = model.program.events
    places = [0, *(np.flatnonzero(np.diff(t[1:]) == 0) + 1).tolist()]
    for i in reversed(places) if last else places:
        if i == 0:
            first = np.where(events.from_start, 0.0, look.holds(t[0], y0, -1.0))
            found = look.happened(t[0], y0, first, events.at_start, y[0])
            if found.fired:
                yield found
            continue
        found = _at(look, steps, i)
        if found is not None:
            yield found


def _at(look: "_Look", steps: Trajectory, i: int) -> FiredInstant | None:
    """Events that fired at the end of the step before i: looked for further about it, where it is not seen at once."""
    t, y, K = steps.t, steps.y, steps.K
    assert K is not None
    step, length = (y[i - 1 : i], y[i : i + 1], K[i - 1 : i]), t[i] - t[i - 1]
    none = np.zeros(look.program.events.count, dtype=bool)
    tries = (
        list(product(EARLIER, BEYOND))
        if look.leaps(y[i], y[i + 1], last=i == len(t) - 2)
        else [(EARLIER[0], 0.0)]
    )
    for earlier, beyond in tries:
        theta = max(0.0, 1.0 - max(earlier, 4 * np.spacing(abs(t[i])) / length)) if length else 0.0
        before = look.holds(t[i - 1] + theta * length, interpolate_many(*step, np.array([theta]))[0], -1.0)
        now = None
        if beyond:
            behind = interpolate_many(*step, np.array([1.0 + beyond]))[0]
            now = look.holds(t[i] + beyond * length, behind, 1.0)
        found = look.happened(t[i], y[i], before, none, y[i + 1], now)
        if found.fired:
            return found
    return None


class _Look:
    """Conditions and resets of a model, by NumPy."""

    def __init__(self, model: CompiledProgram, args: Args):
        self.functions, self.program, self.args = model.interpreted, model.program, args
        self.p = np.asarray(args.p, dtype=float)
        self.algebraic = np.flatnonzero(model.program.mass == 0)
        self.sides = len(model.program.crossings_periodic)

    def leaps(self, before: np.ndarray, after: np.ndarray, last: bool) -> bool:
        """Whether an event fired where steps met, for certain."""
        states = np.delete(before != after, self.algebraic)
        return last or bool(states.any())

    def _sides(self, t: float, side: float) -> list[np.ndarray]:
        """Times at which the lines of jumps in time are as they are just before t or behind it."""
        periodic = self.program.crossings_periodic
        count = len(periodic)
        if not count:
            return []
        with np.errstate(all="ignore"):
            found = np.asarray(self.functions.crossings(self.p, np.full(count, t)), dtype=float)
            line = line_at(np, found[:count], found[count:], t)
            here, _ = jumps_here(np, line, periodic)
            return [t + np.where(here, side * beside(np, line), 0.0)]

    def _around(self, t: float, side: float) -> tuple[Any, ...]:
        u = self.args.inputs.table(np.array([t + side * 8 * EPSILON * abs(t)]))[0]
        return self.p, u, self._sides(t, side)

    def holds(self, t: float, y: np.ndarray, side: float) -> np.ndarray:
        """Conditions of events just before t or behind it."""
        p, u, sides = self._around(t, side)
        with np.errstate(all="ignore"):
            found = np.asarray(self.functions.guards(t, y, p, u, *sides), dtype=float)
        return found[: self.program.events.count]

    def happened(
        self,
        t: float,
        y: np.ndarray,
        before: np.ndarray,
        also: np.ndarray,
        after: np.ndarray,
        now: np.ndarray | None = None,
    ) -> FiredInstant:
        """Events that fired at t: conditions were as `before`, and are as `now`, or as t and y say."""
        p, u, sides = self._around(t, 1.0)
        size, stop = len(y), 0
        now = self.holds(t, y, 1.0) if now is None else now
        fired = (now > before) | also
        order: list[int] = []
        conflict: list[int] = []
        value = y
        for _ in range(most_rounds(len(before))):
            if not fired.any() or stop:
                break
            order += np.flatnonzero(fired).tolist()
            with np.errstate(all="ignore"):
                found = np.asarray(self.functions.reset(t, value, p, u, fired.astype(float), *sides))
            value, stop = np.array(found[:size]), int(found[size])
            value[self.algebraic] = after[self.algebraic]
            if found[size + 1] > 0:
                conflict = np.flatnonzero(fired).tolist()
                break
            later = self.holds(t, value, 1.0)
            fired, now = later > now, later
        return FiredInstant(float(t), order, y, after, stop, conflict)


def history(model: CompiledProgram, steps: Trajectory, args: Args, y0: np.ndarray) -> EventLog:
    """The events of a run for a reader, each with the declared variables that changed."""
    return EventLog(event for found in instants(model, steps, args, y0) for event in _told(model, found))


def _told(model: CompiledProgram, instant: FiredInstant) -> Iterator[FiredEvent]:
    flat, table = model.program.system.flat, model.program.events
    changes, labels = _changes(model, instant)
    offsets = np.cumsum([0, *(e.size for e in flat.events)])
    for member in instant.fired:
        event = int(table.event[member])
        if flat.events[event].branch or flat.events[event].quiet:
            continue
        own = None if flat.events[event].size == 1 else member - int(offsets[event]) + 1
        yield FiredEvent(
            instant.time, event_text(flat, event), flat.events[event].span.line, own, changes, labels
        )


def _changes(
    model: CompiledProgram, instant: FiredInstant
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[str, ...]]]:
    """Entries of y that changed, by name in declared units, and the labels of those that are of an enumeration."""
    program = model.program
    flat, states = program.system.flat, program.system.states
    moved = np.flatnonzero(instant.before != instant.after)[:MOST]
    found, labels = {}, {}
    for k in moved[moved < len(states)].tolist():
        (block,) = model.declarations([states[k]])
        if block.kind == "hidden":
            continue
        values = ((v[k] - block.shift) / block.scale for v in (instant.before, instant.after))
        name = flat.variable_name(int(states[k]))
        before, after = (float(v) for v in values)
        found[name] = before, after
        if block.labels:
            labels[name] = block.labels
    return found, labels


def chatters(program: Program, status: Status, last: FiredInstant | None) -> Status:
    """The status, CHATTERING where events without end are changes of a condition in an equation."""
    if status != Status.ENDLESS or last is None:
        return status
    events = program.events.event[last.fired]
    return Status.CHATTERING if all(program.system.flat.events[e].branch for e in events) else status


def only_branches(program: Program) -> bool:
    """Whether all events that states decide are changes of conditions in equations."""
    located = program.events.event[program.events.located]
    return len(located) > 0 and all(program.system.flat.events[int(e)].branch for e in located)


def ended_by(program: Program, status: Status, last: FiredInstant | None) -> RunEnd | None:
    """The `stop`, or the `assert`, that ended a run at its last instant."""
    if last is None or not last.stop or status not in (Status.STOPPED, Status.VIOLATED):
        return None
    return program.system.flat.stops[abs(last.stop) - 1]


def ending(program: Program, status: Status, last: FiredInstant | None) -> str | None:
    """The sentence on a run that its last instant ended; None where none did."""
    flat = program.system.flat
    if last is None or status not in ENDINGS:
        return None
    if status in (Status.STOPPED, Status.VIOLATED):
        stopped = ended_by(program, status, last)
        if stopped is None:
            return None
        what = "ended by the model" if status == Status.STOPPED else stopped.title
        return f"{what} at time = {last.time:.9g}: {stopped.text} (line {stopped.span.line})"
    fired = last.conflict or last.fired
    events = dict.fromkeys(int(program.events.event[m]) for m in fired)
    told = ", ".join(f"`{event_text(flat, e)}` (line {flat.events[e].span.line})" for e in events)
    advice = f"; {status.advice}" if status.advice else ""
    return f"{status.message} at time = {last.time:.9g}: {told}{advice}"
