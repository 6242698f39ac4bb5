"""Rules of an instant: how often events may act there, and what ends a solve. Functions of `xp` serve both tiers
(`native/ir/registers.py`): over numbers, or over one entry for each event."""

from typing import Any

from stiffdsl.solve.base.crossings import EPSILON
from stiffdsl.solve.base.status import Status

# Rounds of events at one instant, at least and at most; how often one event may fire with only rounding between.
ROUNDS, MOST_ROUNDS, CROWD, APART = 32, 256, 10, 1e4 * EPSILON
# Events that fired so often with only rounding between are decided by what is ahead.
AGAIN = 3


def most_rounds(count: int) -> int:
    """Rounds of one instant in which `count` events may act: each may set off the next."""
    return max(ROUNDS, min(count + 8, MOST_ROUNDS))


def crowded(xp: Any, t: Any, last: Any, span: Any, crowd: Any, acted: Any) -> Any:
    """Counts of how often events have fired with only rounding between instants, this one at t included, `last` the one
    before: more than `CROWD` is no end of it."""
    close = xp.abs(t - last) <= APART * xp.maximum(xp.abs(t), xp.abs(span))
    return xp.where(close, crowd, 0) + acted


def trouble(xp: Any, conflict: Any, finite: Any, solved: Any) -> Any:
    """The status of what went wrong in a round of events, or 0: they contradict one another, set something that is not
    `finite`, or algebraic unknowns have no values behind them (not `solved`)."""
    status = xp.where(solved, 0, int(Status.JUMP))
    status = xp.where(finite, status, int(Status.NON_FINITE))
    return xp.where(conflict, int(Status.CONFLICT), status)


def ending(xp: Any, wrong: Any, stop: Any, crowds: Any, otherwise: Any) -> Any:
    """The status of a solve behind an instant: that of what went `wrong` there, else what a `stop` (above zero) or an
    `assert` (below) says, else no end of it where events have `crowds`."""
    status = xp.where(crowds, int(Status.ENDLESS), otherwise)
    status = xp.where(stop < 0, int(Status.VIOLATED), status)
    status = xp.where(stop > 0, int(Status.STOPPED), status)
    return xp.where(wrong > 0, wrong, status)
