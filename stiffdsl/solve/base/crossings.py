"""Jumps in time as zeros of lines `offset + slope*time`: where a line jumps now, and when it does so next.

A periodic line jumps where it is a whole number, another where it is zero. Functions of `xp` serve both tiers
(`native/ir/registers.py`): over all lines at once, or over one.
"""

from typing import Any, NamedTuple

# Error of a line's value, in roundings of its terms.
ROUNDINGS = 16
EPSILON = 2.220446049250313e-16
# A time after a jump at zero.
TINY = 1e-200
# Two times nearer than this, relative to their size, are one.
SAME = 16 * EPSILON


class Line(NamedTuple):
    """Lines at a time: `value` there and `blur`, by how much rounding may have moved it. A line that is not `known` (it
    is flat, or no number) never jumps; its offset and slope are one."""

    known: Any
    offset: Any
    slope: Any
    value: Any
    blur: Any


def line_at(xp: Any, offset: Any, slope: Any, now: Any) -> Line:
    """Lines at the time `now`."""
    known = xp.isfinite(offset) & xp.isfinite(slope) & (slope != 0.0)
    offset, slope = xp.where(known, offset, 1.0), xp.where(known, slope, 1.0)
    moved = slope * now
    blur = ROUNDINGS * EPSILON * (xp.abs(offset) + xp.abs(moved))
    return Line(known, offset, slope, offset + moved, blur)


def jumps_here(xp: Any, line: Line, periodic: Any) -> tuple[Any, Any]:
    """Whether a line jumps now, and the value at which it does."""
    nearest = xp.where(periodic, xp.floor(line.value + 0.5), 0.0)
    return line.known & (xp.abs(line.value - nearest) <= line.blur), nearest


def beside(xp: Any, line: Line) -> Any:
    """A distance from a jump that is certainly not at it."""
    return 2.0 * (line.blur / xp.abs(line.slope)) + TINY


def next_value(xp: Any, line: Line, periodic: Any, direction: Any) -> Any:
    """The value of a line at its next jump."""
    rising = direction * line.slope > 0.0
    above, below = xp.floor(line.value + line.blur) + 1.0, xp.ceil(line.value - line.blur) - 1.0
    return xp.where(periodic, xp.where(rising, above, below), 0.0)


def ahead(xp: Any, line: Line, time: Any, now: Any, direction: Any) -> tuple[Any, Any]:
    """The distance to the time of a jump, and whether it lies ahead, beyond rounding."""
    distance = direction * (time - now)
    return distance, line.known & (distance > line.blur / xp.abs(line.slope))
