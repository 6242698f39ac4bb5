"""Trajectories as curves in time and one output, walked at an even pace: where fronts that move become alike.

A front that comes at another time for other parameters is poor material for functions of time. Along the curve (s, y)
it always comes after the same way: the clock of a curve is the length that was walked,

    d tau = sqrt((pace ds)^2 + dy^2) + BEND d(direction)

in the clock's coordinate s and the output in shares of its range; corners count too, so that they get points enough
(arc length as a monitor function: Huang and Russell, Adaptive Moving Mesh Methods, 2011; landmarks and registration
of curves: Ramsay and Silverman, Functional Data Analysis, 2005, chapter 7). The clock is a share of the whole length,
or the length itself, for curves that do not all come to the same end: an oscillation that is cut off."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stiffdsl.surrogate.core.scaling import Clock, OutputScaling
from stiffdsl.surrogate.core.task import Task

# Points of every curve once its clock is known.
POINTS = 400
BEND = 0.03
# What is around a value of y, as a share of the way that y goes.
_AROUND = 0.05
# Between two points no output changes more than this share of its range, nor leaves a straight line by more than that.
_STEP, _STRAIGHT = 0.02, 2e-3
# Times are halved so many times at the most, and a curve has so many points at the most, times those of the task.
_ROUNDS, _FINEST = 26, 20


@dataclass(frozen=True, slots=True)
class Pace:
    """Parametrisation of a curve: the weight of time, whether its clock is a share of the curve's length, and whether
    the time that is spent around a value of y counts whole (`even`) or by its length."""

    time: float
    share: bool
    even: bool = False


@dataclass(frozen=True, eq=False)
class Curve:
    """One trajectory: s (k,) ascending from -1 to 1, and scaled outputs y (k, q)."""

    s: np.ndarray
    y: np.ndarray


def followed(
    task: Task,
    clock: Clock,
    scaling: OutputScaling,
    s: np.ndarray,
    size: np.ndarray,
    values: np.ndarray,
    known: np.ndarray,
) -> list[Curve]:
    """The curves of solved samples `values` (n, d), `known` (n, m, q) in scaled outputs at s.

    Where the task can solve at any time, points are added until no output jumps between two of them.
    """
    if task.dense is None:
        return [Curve(s, y) for y in known]
    curves = []
    for row, y in zip(values, known, strict=True):
        solution = task.dense(row)
        if solution is None:
            curves.append(Curve(s, y))
            continue
        curves.append(_refined(lambda s, f=solution: scaling.scale(f(clock.times(s))), s, size))
    return curves


def _refined(solution: Callable[[np.ndarray], np.ndarray], s: np.ndarray, size: np.ndarray) -> Curve:
    y, most = solution(s), _FINEST * len(s)
    fresh = np.arange(len(s) - 1)
    for _ in range(_ROUNDS):
        middle = solution(0.5 * (s[fresh] + s[fresh + 1]))
        jump = np.max(np.abs(y[fresh + 1] - y[fresh]) / size, axis=1)
        off = np.max(np.abs(middle - 0.5 * (y[fresh] + y[fresh + 1])) / size, axis=1)
        rough = np.isfinite(off) & ((jump > _STEP) | (off > _STRAIGHT))
        where = fresh[rough]
        if not len(where) or len(s) + len(where) > most:
            break
        s = np.insert(s, where + 1, 0.5 * (s[where] + s[where + 1]))
        y = np.insert(y, where + 1, middle[rough], axis=0)
        left = where + np.arange(len(where))
        fresh = np.stack([left, left + 1], axis=1).ravel()
    return Curve(s, y)


def walked(curves: list[Curve], output: int, size: float, pace: Pace, least: int) -> np.ndarray:
    """(n, 2, POINTS): s and y of one output at even steps of the clock; not a number where a curve has ended.

    At the last step at least `least` curves are still there.
    """
    lengths = [_lengths(c.s, c.y[:, output] / size, pace) for c in curves]
    ends = np.array([length[-1] for length in lengths])
    # The clock ends where enough curves are left to tell how it goes on.
    last = 1.0 if pace.share else float(np.sort(ends)[-min(least, len(ends))])
    ticks = np.linspace(0.0, last, POINTS)
    found = np.empty((len(curves), 2, POINTS))
    for k, (curve, length, end) in enumerate(zip(curves, lengths, ends, strict=True)):
        at = ticks * end if pace.share else ticks
        found[k, 0] = np.interp(at, length, curve.s)
        found[k, 1] = np.interp(at, length, curve.y[:, output])
        if not pace.share:
            found[k, :, at > end] = np.nan
    return found


def _lengths(s: np.ndarray, y: np.ndarray, pace: Pace) -> np.ndarray:
    times, outputs = np.diff(s) / 2, np.diff(y)
    if pace.even:
        walked = np.append(0.0, np.cumsum(np.abs(outputs)))
        width = _AROUND * max(walked[-1], 1e-9)
        walked = walked + 1e-12 * width * np.arange(len(s))
        around = np.interp(walked + width, walked, s) - np.interp(walked - width, walked, s)
        times = times / (0.25 * (around[1:] + around[:-1]))
    step = np.stack([pace.time * times, outputs])
    length = np.sqrt(np.sum(step**2, axis=0))
    direction = step / np.maximum(length, 1e-300)
    bend = np.sqrt(np.sum(np.diff(direction, axis=1) ** 2, axis=0))
    length += 0.5 * BEND * (np.append(bend, 0.0) + np.append(0.0, bend))
    return np.append(0.0, np.cumsum(length))
