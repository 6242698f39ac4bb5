"""The length of the first step: Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.4.

Steps of an Euler method keep the second derivative below the tolerance. Where nothing says how fast things go, the
first step is short; behind a jump, as long as that `before`. Norms `d0`, `d1`, `d2` are those of y, its slope and the
slope's change over h0, relative to the tolerated errors. Functions of `xp` serve both tiers (`native/ir/registers.py`).
"""

from typing import Any

EPSILON = 2.220446049250313e-16
# A first step is longer than so many roundings of the time where it begins; where what was chosen is not, it is this
# share of the interval.
ROUNDINGS, SHARE = 64, 1e-12


def trial(xp: Any, d0: Any, d1: Any, length: Any, before: Any) -> Any:
    """h0, the length of the Euler step that is tried."""
    short = xp.maximum(1e-6 * length, 0.01 * before)
    slow = (d0 < 1e-5) | (d1 < 1e-5)
    h0 = xp.where(slow, short, 0.01 * d0 / xp.where(d1 > 0, d1, 1.0))
    return xp.where(xp.isfinite(h0), xp.minimum(h0, length), short)


def chosen(xp: Any, h0: Any, d1: Any, d2: Any, length: Any, before: Any, order: int) -> Any:
    """The length of the first step of a method of an order, before its limits."""
    steepest = xp.maximum(d1, d2)
    power = (0.01 / xp.where(steepest > 0, steepest, 1.0)) ** (1.0 / order)
    h1 = xp.where(steepest <= 1e-15, xp.maximum(1e-3 * length, before), power)
    return xp.minimum(100 * h0, xp.where(xp.isfinite(steepest) & xp.isfinite(h1), h1, h0))


def behind(xp: Any, h: Any, proposed: Any) -> Any:
    """The length of a step behind a jump or an event, by the length that was chosen there and by that `proposed` by the
    error of the step before (0: there was none): what an event changes seldom makes longer steps possible, and rates
    alone, which do not know the order of what follows, may ask for steps many times too long."""
    return xp.where(proposed > 0, xp.minimum(h, proposed), h)


def limited(xp: Any, h: Any, t: Any, length: Any) -> Any:
    """A length that moves the time, and is not beyond the interval."""
    least = ROUNDINGS * EPSILON * xp.abs(t)
    return xp.minimum(xp.where(h > least, h, xp.maximum(least, SHARE * length)), length)
