"""The instants of a run at which events fired, from its recorded steps: wherever values leap, conditions just before
and at that time say what fired first; `reset`, applied as the solve did, says what that led to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np

from stiffdsl.solve.base.crossings import beside, jumps_here, line_at
from stiffdsl.solve.base.dense_output import interpolate_many
from stiffdsl.solve.base.event_rules import most_rounds
from stiffdsl.solve.integrate.record import Trajectory

# Parts of the last step before an instant by which conditions before it are told from those at it; and parts beyond it
# at which a condition holds that rounding keeps from holding there.
EARLIER = (1e-9, 1e-6, 1e-3)
BEYOND = (0.0, 1e-12, 1e-9)


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


class EventConditions(Protocol):
    """The conditions and resets of a run's events, in numbers.

    `at_start`, `from_start`: as in `events.EventSystem`; `algebraic`: entries of y that are no states.
    `holds(t, y, side)`: the condition of each event just before t (`side` -1) or behind it (1); `reset(t, y, fired)`:
    as the system's, behind t.
    """

    at_start: np.ndarray
    from_start: np.ndarray
    algebraic: np.ndarray

    def holds(self, t: float, y: np.ndarray, side: float) -> np.ndarray: ...
    def reset(self, t: float, y: np.ndarray, fired: np.ndarray) -> np.ndarray: ...


def instants(
    conditions: EventConditions, steps: Trajectory, y0: np.ndarray, last: bool = False
) -> Iterator[FiredInstant]:
    """The instants of recorded `steps` in their order, or from the `last` one back; `y0` is what the run began with."""
    t, y = steps.t, steps.y
    assert steps.K is not None, "a run with events is recorded step by step"
    places = [0, *(np.flatnonzero(np.diff(t[1:]) == 0) + 1).tolist()]
    for i in reversed(places) if last else places:
        if i == 0:
            first = np.where(conditions.from_start, 0.0, conditions.holds(t[0], y0, -1.0))
            found = _happened(conditions, t[0], y0, first, conditions.at_start, y[0])
            if found.fired:
                yield found
            continue
        found = _at(conditions, steps, i)
        if found is not None:
            yield found


def beside_lines(offset: np.ndarray, slope: np.ndarray, periodic: np.ndarray, t: float, side: float):
    """Times at which the lines of jumps in time are as they are just before t (`side` -1) or behind it (1)."""
    with np.errstate(all="ignore"):
        line = line_at(np, offset, slope, t)
        here, _ = jumps_here(np, line, periodic)
        return t + np.where(here, side * beside(np, line), 0.0)


def _at(conditions: EventConditions, steps: Trajectory, i: int) -> FiredInstant | None:
    """Events that fired at the end of the step before i: looked for further about it, where it is not seen at once."""
    t, y, K = steps.t, steps.y, steps.K
    assert K is not None
    step, length = (y[i - 1 : i], y[i : i + 1], K[i - 1 : i]), t[i] - t[i - 1]
    none = np.zeros(len(conditions.at_start), dtype=bool)
    leaps = i == len(t) - 2 or bool(np.delete(y[i] != y[i + 1], conditions.algebraic).any())
    for earlier, beyond in product(EARLIER, BEYOND) if leaps else [(EARLIER[0], 0.0)]:
        theta = max(0.0, 1.0 - max(earlier, 4 * np.spacing(abs(t[i])) / length)) if length else 0.0
        just_before = interpolate_many(*step, np.array([theta]))[0]
        before = conditions.holds(t[i - 1] + theta * length, just_before, -1.0)
        now = None
        if beyond:
            behind = interpolate_many(*step, np.array([1.0 + beyond]))[0]
            now = conditions.holds(t[i] + beyond * length, behind, 1.0)
        found = _happened(conditions, t[i], y[i], before, none, y[i + 1], now)
        if found.fired:
            return found
    return None


def _happened(
    conditions: EventConditions,
    t: float,
    y: np.ndarray,
    before: np.ndarray,
    also: np.ndarray,
    after: np.ndarray,
    now: np.ndarray | None = None,
) -> FiredInstant:
    """Events that fired at t: conditions were as `before`, and are as `now`, or as t and y say."""
    size, stop = len(y), 0
    now = conditions.holds(t, y, 1.0) if now is None else now
    fired = (now > before) | also
    order: list[int] = []
    conflict: list[int] = []
    value = y
    for _ in range(most_rounds(len(before))):
        if not fired.any() or stop:
            break
        order += np.flatnonzero(fired).tolist()
        found = conditions.reset(t, value, fired.astype(float))
        value, stop = np.array(found[:size]), int(found[size])
        value[conditions.algebraic] = after[conditions.algebraic]
        if found[size + 1] > 0:
            conflict = np.flatnonzero(fired).tolist()
            break
        later = conditions.holds(t, value, 1.0)
        fired, now = later > now, later
    if fired.any() and not stop and not conflict:
        # Rounding decided: the mode was looked for ahead (`degenerate_instants.py`).
        order = list(dict.fromkeys(order))
    return FiredInstant(float(t), order, y, after, stop, conflict)
