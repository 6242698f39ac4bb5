"""Events as functions: what they wait for, and the values that a run goes on with after some of them have fired.

    guards(t, y, p, u, side)        of each event what fires where it rises (1 where its condition holds, else 0; the
                                    number of times that a periodic one has passed), then a number that is positive
                                    where the condition holds, by whose zeros it is located
    reset(t, y, p, u, fired, side)  y after all events whose `fired` is 1 have acted at once, on the values before; then
                                    the number of what ends the run (0: nothing; below: an assertion that is violated),
                                    and whether two events set one variable to different values

Events are numbered member by member. Of the branches of a `when`, the first that fires acts. What several actions add
to one variable (`Action.adds`) is summed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from stiffdsl.flat.functions import where
from stiffdsl.flat.model import Action, Event, FlatModel, slot
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.evaluation import Evaluation
from stiffdsl.program.values import LoweringValues, Value

_HALF = sp.Rational(1, 2)
_FIRST = where(sp.And(slot(0) > _HALF, slot(1) < _HALF), sp.Integer(1), sp.Integer(0))
_EITHER = where(sp.Or(slot(0) > _HALF, slot(1) > _HALF), sp.Integer(1), sp.Integer(0))
_SET = where(slot(0) > _HALF, slot(1), slot(2))
# Of what has been added to, now `s2`, and was `s4` before all: the value `s3` of another that adds. Alone it is `s3`.
_SUM = where(sp.And(slot(0) > _HALF, slot(1) < _HALF), slot(2) + (slot(3) - slot(4)), slot(3))
_DIFFERS = where(
    sp.And(slot(0) > _HALF, slot(1) > _HALF, sp.Ne(slot(2), slot(3))), sp.Integer(1), sp.Integer(0)
)
# The guard of an event that time alone decides: it is never near zero.
NO_GUARD = -1e100


@dataclass(frozen=True, eq=False)
class EventTable:
    """The events of a program, one entry for each member.

    `periodic`, `at_start`, `from_start`: as in `flat.model.Event`; `located`: whether it has a guard; `event`: its
    number in `FlatModel.events`. `assigned`: mask of the entries of y that an event sets.
    """

    periodic: np.ndarray
    at_start: np.ndarray
    from_start: np.ndarray
    located: np.ndarray
    event: np.ndarray
    assigned: np.ndarray

    @property
    def count(self) -> int:
        return len(self.event)


def event_table(system: SortedSystem) -> EventTable:
    """The events of a model, member by member."""
    flat = system.flat
    assigned = np.zeros(flat.size, dtype=bool)
    for event in flat.events:
        for action in event.actions:
            assigned[flat.alias[action.targets]] = True
    entries = np.zeros(system.size, dtype=bool)
    entries[: len(system.states)] = assigned[system.states]
    sizes = [e.size for e in flat.events]

    def of(values: list[bool]) -> np.ndarray:
        return np.repeat(np.array(values, dtype=bool), sizes)

    return EventTable(
        of([e.periodic for e in flat.events]),
        of([e.at_start for e in flat.events]),
        of([e.from_start for e in flat.events]),
        of([e.guard is not None for e in flat.events]),
        np.repeat(np.arange(len(sizes)), sizes),
        entries,
    )


def event_text(flat: FlatModel, event: int) -> str:
    """The event as its author wrote it."""
    span = flat.events[event].span
    return " ".join(span.source.line(span.line)[span.column - 1 :].split("#")[0].split())


def still(system: SortedSystem) -> np.ndarray:
    """Mask of the entries of y that change at events alone: discrete variables."""
    mask = np.zeros(system.flat.size, dtype=bool)
    for block in system.flat.variables:
        if block.kind == "discrete":
            mask[block.offset : block.offset + block.size] = True
    mask[system.flat.held] = True
    found = np.zeros(system.size, dtype=bool)
    found[: len(system.states)] = mask[system.states]
    return found


def guards(evaluation: Evaluation) -> int:
    """The result of `guards`."""
    events, values = evaluation.flat.events, evaluation.values
    holds = [evaluation.family(e.holds) for e in events]
    located = [
        values.constants(np.full(e.size, NO_GUARD)) if e.guard is None else evaluation.family(e.guard)
        for e in events
    ]
    return evaluation.joined([*holds, *located])


def reset(evaluation: Evaluation) -> int:
    """The result of `reset`."""
    return _Reset(evaluation).result()


class _Reset:
    """The values of y as they are set, event by event; what each entry is now is member `position` of `source`."""

    def __init__(self, evaluation: Evaluation):
        self.evaluation, self.values = evaluation, evaluation.values
        flat, size = evaluation.flat, evaluation.system.size
        self.made: list[Value] = [evaluation.values.input("y", size)]
        self.source, self.position = np.zeros(size, dtype=np.int64), np.arange(size)
        self.fired = self.values.input("fired", sum(e.size for e in flat.events))
        # Entries that several assignments may set, and whether they have been set so far.
        writers = np.zeros(size, dtype=np.int64)
        for event in flat.events:
            for action in event.actions:
                np.add.at(writers, self._entries(action.targets), 1)
        self.shared = writers > 1
        self.added, self.assigned = _Marks(self.values, size), _Marks(self.values, size)
        self.conflict = self.values.constants(np.zeros(1))
        self.stop = self.values.constants(np.zeros(1))

    def _entries(self, targets: np.ndarray) -> np.ndarray:
        source, position = self.evaluation.located("var", self.evaluation.flat.alias[targets])
        assert np.all(source == 0), "states are assigned"
        return position

    def result(self) -> int:
        offset, chain, before = 0, -1, None
        for event in self.evaluation.flat.events:
            acts = self._taken(
                [self.fired], np.zeros(event.size, dtype=np.int64), offset + np.arange(event.size)
            )
            if event.chain == chain and before is not None:
                own, pair = acts, {"s0": acts, "s1": before}
                acts = self.values.apply(_FIRST, pair, event.size)
                before = self.values.apply(_EITHER, {"s0": own, "s1": before}, event.size)
            else:
                before = acts
            chain = event.chain
            offset += event.size
            self._act(event, acts)
        whole = self.values.take(self.made, self.source, self.position)
        return self.evaluation.joined([whole, self.stop, self.conflict])

    def _taken(self, sources: list[Value], source: np.ndarray, position: np.ndarray) -> Value:
        return self.values.take(sources, source, position)

    def _act(self, event: Event, acts: Value) -> None:
        for action in event.actions:
            value = self.evaluation.family(action.value)
            sign = self.evaluation.flat.sign[action.targets]
            if np.any(sign < 0):
                value = self.values.product(value, self.values.constants(sign.astype(float)))
            entries = self._entries(action.targets)
            for rows in _rounds(entries):
                self._assign(entries[rows], rows, action, value, acts)
        if event.stop:
            code = self.values.constants(
                np.array(
                    [float(-event.stop if self.evaluation.flat.stops[event.stop - 1].fails else event.stop)]
                )
            )
            any_ = self.values.total(acts, np.zeros(event.size, dtype=np.int64), 1)
            self.stop = self.values.apply(_SET, {"s0": any_, "s1": code, "s2": self.stop}, 1)

    def _assign(
        self, entries: np.ndarray, rows: np.ndarray, action: Action, value: Value, acts: Value
    ) -> None:
        """Sets `entries` to the members `rows` of `value` where their owner acts."""
        size, first = len(rows), np.zeros(len(rows), dtype=np.int64)
        new = self._taken([value], first, rows)
        now = self._taken(self.made, self.source[entries], self.position[entries])
        own = self._taken([acts], first, action.owner[rows])
        shared = np.flatnonzero(self.shared[entries])
        if len(shared):
            new = self._together(entries, action.adds, own, new, now)
            self._contradict(
                entries[shared],
                action.adds,
                *(self._taken([v], first[: len(shared)], shared) for v in (own, new, now)),
            )
        self.made.append(self.values.apply(_SET, {"s0": own, "s1": new, "s2": now}, size))
        self.source[entries], self.position[entries] = len(self.made) - 1, np.arange(size)

    def _together(self, entries: np.ndarray, adds: bool, own: Value, new: Value, now: Value) -> Value:
        """The values of an action, with what others have added before it."""
        if not adds or not self.added.any:
            return new
        before = self._taken([self.made[0]], np.zeros(len(entries), dtype=np.int64), entries)
        given = {
            "s0": self.added.at(entries),
            "s1": self.assigned.at(entries),
            "s2": now,
            "s3": new,
            "s4": before,
        }
        return self.values.apply(_SUM, given, len(entries))

    def _contradict(self, entries: np.ndarray, adds: bool, own: Value, new: Value, now: Value) -> None:
        """Notes where an action gives `entries` other values than actions before it, and that it has acted."""
        size = len(entries)
        for marks in (self.assigned,) if adds else (self.assigned, self.added):
            if not marks.any:
                continue
            symbols: dict[str, Any] = {"s0": own, "s1": marks.at(entries), "s2": new, "s3": now}
            differs = self.values.apply(_DIFFERS, symbols, size)
            total = self.values.total(differs, np.zeros(size, dtype=np.int64), 1)
            self.conflict = self.values.apply(_EITHER, {"s0": total, "s1": self.conflict}, 1)
        (self.added if adds else self.assigned).mark(entries, own)


class _Marks:
    """Entries of y for which actions have acted so far: 1, else 0."""

    def __init__(self, values: LoweringValues, size: int):
        self.values = values
        self.made: list[Value] = [values.constants(np.zeros(1))]
        self.where = np.zeros((2, size), dtype=np.int64)

    @property
    def any(self) -> bool:
        """Whether there may be such entries."""
        return len(self.made) > 1

    def at(self, entries: np.ndarray) -> Value:
        return self.values.take(self.made, *self.where[:, entries])

    def mark(self, entries: np.ndarray, acts: Value) -> None:
        """Marks `entries`, each one once, where `acts` is 1."""
        count = len(entries)
        pair = {"s0": acts, "s1": self.at(entries)}
        self.made.append(self.values.apply(_EITHER, pair, count))
        self.where[:, entries] = [np.full(count, len(self.made) - 1), np.arange(count)]


def _rounds(entries: np.ndarray) -> list[np.ndarray]:
    """Rows in rounds, in which no entry is set twice."""
    order = np.argsort(entries, kind="stable")
    ordered = entries[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(order) else np.zeros(0, dtype=bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    occurrence = np.empty(len(order), dtype=np.int64)
    occurrence[order] = np.arange(len(order)) - first
    return [np.flatnonzero(occurrence == k) for k in range(int(occurrence.max(initial=-1)) + 1)]
