"""Events as functions: what they wait for, and the values that a run goes on with after some of them have fired.

    guards(t, y, p, u, side)        of each event what fires where it rises (1 where its condition holds, else 0; the
                                    number of times that a periodic one has passed), then a number that is positive
                                    where the condition holds, by whose zeros it is located
    reset(t, y, p, u, fired, side)  y after all events whose `fired` is 1 have acted at once, on the values before; then
                                    the number of what ends the run (0: nothing; below: an assertion that is violated),
                                    and whether two events set one variable to different values

Events are numbered member by member. Of the branches of a `when`, the first that fires acts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from stiffdsl.flat.functions import where
from stiffdsl.flat.model import Event, FlatModel, slot
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.evaluation import Evaluation
from stiffdsl.program.values import Value

_HALF = sp.Rational(1, 2)
_FIRST = where(sp.And(slot(0) > _HALF, slot(1) < _HALF), sp.Integer(1), sp.Integer(0))
_EITHER = where(sp.Or(slot(0) > _HALF, slot(1) > _HALF), sp.Integer(1), sp.Integer(0))
_SET = where(slot(0) > _HALF, slot(1), slot(2))
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
        self.written: list[Value] = [self.values.constants(np.zeros(1))]
        self.written_at = np.zeros((2, size), dtype=np.int64)
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
                self._assign(entries[rows], rows, action.owner[rows], value, acts)
        if event.stop:
            code = self.values.constants(
                np.array(
                    [float(-event.stop if self.evaluation.flat.stops[event.stop - 1].fails else event.stop)]
                )
            )
            any_ = self.values.total(acts, np.zeros(event.size, dtype=np.int64), 1)
            self.stop = self.values.apply(_SET, {"s0": any_, "s1": code, "s2": self.stop}, 1)

    def _assign(
        self, entries: np.ndarray, rows: np.ndarray, owner: np.ndarray, value: Value, acts: Value
    ) -> None:
        """Sets `entries` to the members `rows` of `value` where their `owner` acts."""
        size, first = len(rows), np.zeros(len(rows), dtype=np.int64)
        new = self._taken([value], first, rows)
        now = self._taken(self.made, self.source[entries], self.position[entries])
        own = self._taken([acts], first, owner)
        self.made.append(self.values.apply(_SET, {"s0": own, "s1": new, "s2": now}, size))
        self.source[entries], self.position[entries] = len(self.made) - 1, np.arange(size)
        shared = np.flatnonzero(self.shared[entries])
        if not len(shared):
            return
        first, at, count = first[: len(shared)], entries[shared], len(shared)
        written = self._taken(self.written, *self.written_at[:, at])
        own = self._taken([own], first, shared)
        symbols: dict[str, Any] = {"s0": own, "s1": written}
        symbols |= {"s2": self._taken([new], first, shared), "s3": self._taken([now], first, shared)}
        differs = self.values.apply(_DIFFERS, symbols, count)
        total = self.values.total(differs, first, 1)
        self.conflict = self.values.apply(_EITHER, {"s0": total, "s1": self.conflict}, 1)
        self.written.append(self.values.apply(_EITHER, {"s0": own, "s1": written}, count))
        self.written_at[:, at] = [np.full(count, len(self.written) - 1), np.arange(count)]


def _rounds(entries: np.ndarray) -> list[np.ndarray]:
    """Rows in rounds, in which no entry is set twice."""
    order = np.argsort(entries, kind="stable")
    ordered = entries[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(order) else np.zeros(0, dtype=bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    occurrence = np.empty(len(order), dtype=np.int64)
    occurrence[order] = np.arange(len(order)) - first
    return [np.flatnonzero(occurrence == k) for k in range(int(occurrence.max(initial=-1)) + 1)]
