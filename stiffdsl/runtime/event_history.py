"""The events of a run for a reader: each by its text and line, with the variables that changed; and what ended a run.

What fired is found again from the recorded steps (`solve/integrate/instants.py`). `described` says how the events of a
model are told; a written module brings the same as data (`export/module_run.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from stiffdsl.program.events import event_text
from stiffdsl.program.program import Program
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.system import Args
from stiffdsl.runtime.tables import value_text
from stiffdsl.solve.base.crossings import EPSILON
from stiffdsl.solve.base.status import BY_EVENTS, Status
from stiffdsl.solve.integrate.instants import FiredInstant, beside_lines, instants
from stiffdsl.solve.integrate.record import Trajectory

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


class EventWords(NamedTuple):
    """An event as it is told: its text and line, the number of its repetitions, and whether it is the change of a
    condition in an equation (`branch`) or keeps books for others (`quiet`): these are not told."""

    text: str
    line: int
    size: int
    branch: bool
    quiet: bool


class EndWords(NamedTuple):
    """An end of a run as it is told: see `flat.model.RunEnd`."""

    text: str
    line: int
    fails: bool
    title: str


class Changing(NamedTuple):
    """An entry of y as it is told: a value in SI is `scale*value + shift`, or the number of one of the `labels`."""

    name: str
    scale: float
    shift: float
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Described:
    """The words for what happens in runs of a model; `changing(k)`: those for entry k of y, None where nobody declared
    it."""

    events: Sequence[EventWords]
    ends: Sequence[EndWords]
    changing: Callable[[int], Changing | None]

    @cached_property
    def _first(self) -> np.ndarray:
        return np.cumsum([0, *(e.size for e in self.events)])

    def event_of(self, number: int) -> tuple[int, int]:
        """The event that has a member of this number, and the place of the member in it."""
        event = int(np.searchsorted(self._first, number, side="right")) - 1
        return event, number - int(self._first[event])


def described(model: CompiledProgram) -> Described:
    """The words for the events of a model."""
    flat, states = model.program.system.flat, model.program.system.states
    events = tuple(
        EventWords(event_text(flat, k), e.span.line, e.size, e.branch, e.quiet)
        for k, e in enumerate(flat.events)
    )
    ends = tuple(EndWords(e.text, e.span.line, e.fails, e.title) for e in flat.stops)

    def changing(k: int) -> Changing | None:
        if k >= len(states):
            return None
        (block,) = model.declarations([states[k]])
        if block.kind == "hidden":
            return None
        return Changing(flat.variable_name(int(states[k])), block.scale, block.shift, block.labels)

    return Described(events, ends, changing)


class _ModelConditions:
    """Conditions and resets of a model, by NumPy."""

    def __init__(self, model: CompiledProgram, args: Args):
        events = model.program.events
        self.at_start, self.from_start = events.at_start, events.from_start
        self.algebraic = np.flatnonzero(model.program.mass == 0)
        self.functions, self.args = model.interpreted, args
        self.periodic, self.count = model.program.crossings_periodic, events.count
        self.p = np.asarray(args.p, dtype=float)

    def _around(self, t: float, side: float) -> tuple[Any, ...]:
        """Parameters, inputs, and sides of jumps in time, just before t or behind it."""
        u = self.args.inputs.table(np.array([t + side * 8 * EPSILON * abs(t)]))[0]
        count = len(self.periodic)
        if not count:
            return self.p, u
        with np.errstate(all="ignore"):
            lines = np.asarray(self.functions.crossings(self.p, np.full(count, t)), dtype=float)
        return self.p, u, beside_lines(lines[:count], lines[count:], self.periodic, t, side)

    def holds(self, t: float, y: np.ndarray, side: float) -> np.ndarray:
        p, u, *sides = self._around(t, side)
        with np.errstate(all="ignore"):
            return np.asarray(self.functions.guards(t, y, p, u, *sides), dtype=float)[: self.count]

    def reset(self, t: float, y: np.ndarray, fired: np.ndarray) -> np.ndarray:
        p, u, *sides = self._around(t, 1.0)
        with np.errstate(all="ignore"):
            return np.asarray(self.functions.reset(t, y, p, u, fired, *sides))


def last_instant(
    model: CompiledProgram, steps: Trajectory, args: Args, y0: np.ndarray
) -> FiredInstant | None:
    """The last instant of a run at which something fired."""
    return next(instants(_ModelConditions(model, args), steps, y0, last=True), None)


def history(model: CompiledProgram, steps: Trajectory, args: Args, y0: np.ndarray) -> EventLog:
    """The events of a run."""
    return told(described(model), instants(_ModelConditions(model, args), steps, y0))


def told(words: Described, found: Iterator[FiredInstant]) -> EventLog:
    """The events of instants for a reader, each with the declared variables that changed."""
    return EventLog(event for instant in found for event in _told(words, instant))


def _told(words: Described, instant: FiredInstant) -> Iterator[FiredEvent]:
    changes, labels = _changes(words, instant)
    for number in instant.fired:
        event, member = words.event_of(number)
        text, line, size, branch, quiet = words.events[event]
        if not branch and not quiet:
            yield FiredEvent(instant.time, text, line, None if size == 1 else member + 1, changes, labels)


def _changes(
    words: Described, instant: FiredInstant
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[str, ...]]]:
    """Entries of y that changed, by name in declared units, and the labels of those that are of an enumeration."""
    found, labels = {}, {}
    for k in np.flatnonzero(instant.before != instant.after)[:MOST].tolist():
        own = words.changing(k)
        if own is None:
            continue
        before, after = (float((v[k] - own.shift) / own.scale) for v in (instant.before, instant.after))
        found[own.name] = before, after
        if own.labels:
            labels[own.name] = own.labels
    return found, labels


def chatters(words: Described, status: Status, last: FiredInstant | None) -> Status:
    """The status, CHATTERING where events without end are changes of a condition in an equation."""
    if status != Status.ENDLESS:
        return status
    if last is None:
        # Between instants that only rounding keeps apart, what fired is not found again.
        return Status.CHATTERING if all(event.branch for event in words.events) else status
    return Status.CHATTERING if all(words.events[words.event_of(m)[0]].branch for m in last.fired) else status


def only_branches(program: Program) -> bool:
    """Whether all events that states decide are changes of conditions in equations."""
    located = program.events.event[program.events.located]
    return len(located) > 0 and all(program.system.flat.events[int(e)].branch for e in located)


def ended_by(words: Described, status: Status, last: FiredInstant | None) -> EndWords | None:
    """The `stop`, or the `assert`, that ended a run at its last instant."""
    if last is None or not last.stop or status not in (Status.STOPPED, Status.VIOLATED):
        return None
    return words.ends[abs(last.stop) - 1]


def ending(words: Described, status: Status, last: FiredInstant | None) -> str | None:
    """The sentence on a run that its last instant ended; None where none did."""
    if last is None or status not in ENDINGS:
        return None
    if status in (Status.STOPPED, Status.VIOLATED):
        stopped = ended_by(words, status, last)
        if stopped is None:
            return None
        what = "ended by the model" if status == Status.STOPPED else stopped.title
        return f"{what} at time = {last.time:.9g}: {stopped.text} (line {stopped.line})"
    events = dict.fromkeys(words.event_of(m)[0] for m in last.conflict or last.fired)
    listed = ", ".join(f"`{words.events[e].text}` (line {words.events[e].line})" for e in events)
    advice = f"; {status.advice}" if status.advice else ""
    return f"{status.message} at time = {last.time:.9g}: {listed}{advice}"
