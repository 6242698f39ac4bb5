"""Runs of a written module whose model has events, by the solvers of stiffdsl: what its `simulate` calls."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import numpy as np

from stiffdsl.runtime.event_history import (
    ENDINGS,
    Changing,
    Described,
    EndWords,
    EventLog,
    EventWords,
    chatters,
    ended_by,
    ending,
    told,
)
from stiffdsl.runtime.run.stop_reason import reason
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.events import event_count
from stiffdsl.solve.integrate.instants import beside_lines, instants
from stiffdsl.solve.integrate.record import Trajectory, record, values_at
from stiffdsl.solve.integrate.time_events import has_time_events


@dataclass(frozen=True)
class ModuleWords:
    """Words of a written module on its events: rows of `EventWords` and `EndWords`, and for each entry of y one of
    `Changing`, or None."""

    events: Sequence[tuple[str, int, int, bool, bool]]
    ends: Sequence[tuple[str, int, bool, str]]
    changing: Sequence[tuple[str, float, float, tuple[str, ...]] | None]

    def described(self) -> Described:
        """The same as history tells it."""
        entries = [None if each is None else Changing(*each) for each in self.changing]
        return Described(
            tuple(EventWords(*e) for e in self.events),
            tuple(EndWords(*e) for e in self.ends),
            entries.__getitem__,
        )


@dataclass(frozen=True)
class EventfulTrajectory(Trajectory):
    """A trajectory with the events of the run, the reason of its end, and the text of the `stop` or `assert` that ended
    it, named as in `Solution`."""

    reason: str = ""
    ended_by: str | None = None
    told: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def success(self) -> bool:
        """Whether the run ended as it was meant to."""
        return self.status.success

    @cached_property
    def events(self) -> EventLog:
        """The events of the run, each with the variables that changed, in declared units."""
        conditions, words, steps, y0 = self.told
        return told(words, instants(conditions, steps, y0))


class _Conditions:
    """Conditions and resets of the system of a module."""

    def __init__(self, system: Any, args: Any):
        self.at_start, self.from_start = system.event_at_start, system.event_from_start
        self.algebraic = np.flatnonzero(np.asarray(system.mass) == 0)
        self.system, self.args = system, args
        self.count, self.stops = event_count(system), has_time_events(system, args)
        self._guards, self._reset = jax.jit(system.guards), jax.jit(system.reset)

    def _around(self, t: float, side: float) -> Any:
        """The arguments just before t or behind it."""
        if not self.stops:
            return self.args
        count = self.system.crossing_count(self.args)
        offset, slope, periodic = self.system.crossings(self.system.within(self.args, np.full(count, t)))
        at = beside_lines(np.asarray(offset), np.asarray(slope), periodic, t, side)
        return self.system.within(self.args, at)

    def holds(self, t: float, y: np.ndarray, side: float) -> np.ndarray:
        return np.asarray(self._guards(t, y, self._around(t, side)))[: self.count]

    def reset(self, t: float, y: np.ndarray, fired: np.ndarray) -> np.ndarray:
        return np.asarray(self._reset(t, y, self._around(t, 1.0), fired))


def run(
    system: Any,
    words: ModuleWords,
    method: str,
    time: tuple[float, float],
    y0: Any,
    args: Any,
    saveat: Any = None,
    **options: Any,
) -> EventfulTrajectory:
    """The run of a `system` with events over `time`: recorded as by `record`, with what happened in it."""
    start, end = time
    if end < start:
        raise ValueError("a model with events is solved forward in time: `time` must ascend")
    y0 = np.asarray(y0, dtype=float)
    found = record(system, method, start, end, y0, args, saveat, instants=True, **options)
    conditions, described = _Conditions(system, args), words.described()
    last = None
    if found.status in ENDINGS:
        last = next(instants(conditions, found, y0, last=True), None)
    status = chatters(described, found.status, last)
    names = [system.names[int(k)] for k in found.culprits if k >= 0] if status != Status.SUCCESS else []
    stopped = ended_by(described, status, last)
    t, y = (found.t, found.y) if saveat is None else values_at(found, np.asarray(saveat, dtype=float))
    return EventfulTrajectory(
        t,
        y,
        status,
        found.culprits,
        found.stats,
        found.K,
        found.saved,
        reason=ending(described, status, last) or reason(status, names),
        ended_by=None if stopped is None else stopped.text,
        told=(conditions, described, found, y0),
    )
