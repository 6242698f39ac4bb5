"""Points of a solution between the solver's steps: where, the values and the slopes of the dense output there."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.solve.base.dense_output import interpolate_many
from stiffdsl.solve.integrate.record import Trajectory

# Points nearer to the end of a step than this part of it are not taken: it may be a jump.
MARGIN = 1e-3
# Around these knots of a table, those where it bends most, are points.
KNOTS = 100
# The first steps, and the last ones, are looked at more closely.
FIRST, LAST = 12, 4


@dataclass(frozen=True, eq=False)
class Points:
    """`step[i]` and the part `theta[i]` of it; the time, values (points, n) and slopes of y there; the signed length of
    the step. `rate`: how fast a polynomial of the dense output may move that is off by one over the step."""

    step: np.ndarray
    theta: np.ndarray
    time: np.ndarray
    y: np.ndarray
    slope: np.ndarray
    length: np.ndarray
    rate: np.ndarray


def chosen(found: Trajectory, count: int, signals: tuple[Any, ...], time_dependent: bool) -> Points:
    """Some `count` points: in the steps, at the start and the end, and where what depends on time moves."""
    random = np.random.default_rng(0)
    t = np.asarray(found.t)
    long = np.flatnonzero(np.diff(t) != 0)
    if not len(long):
        return at(found, np.zeros(0, dtype=np.int64), np.zeros(0))
    spread = np.linspace(0, len(long) - 1, max(1, count // 2)).round().astype(np.int64)
    near = np.r_[
        np.repeat(np.arange(min(FIRST, len(long))), 3), len(long) - 1 - np.arange(min(LAST, len(long)))
    ]
    steps = long[np.concatenate([spread, near])]
    step = np.concatenate([long[:1], steps, long[-1:]])
    # A jump at the end of the run is behind it.
    last = 1 - MARGIN if time_dependent else 1.0
    theta = np.concatenate([[0.0], random.uniform(0.05, 0.95, len(steps)), [last]])
    if time_dependent:
        more = np.concatenate([times_between(t, count), *(_knots(signal, t) for signal in signals)])
        own, part = located(t, more)
        step, theta = np.concatenate([step, own]), np.concatenate([theta, part])
    return at(found, step, theta)


def times_between(t: np.ndarray, count: int) -> np.ndarray:
    """Times in even distances, and the same by ratio from the start."""
    even = t[0] + (t[-1] - t[0]) * (np.arange(count) + 0.5) / count
    by_ratio = t[0] + (t[-1] - t[0]) * np.logspace(-6, 0, count // 4, endpoint=False)
    return np.concatenate([even, by_ratio])


def _knots(signal: Any, t: np.ndarray) -> np.ndarray:
    """Times between the knots of a table, where it moves most."""
    if signal.times is None:
        return np.zeros(0)
    x, f = np.asarray(signal.times), np.asarray(signal.values)
    low, high = min(t[0], t[-1]), max(t[0], t[-1])
    middle, move = (x[1:] + x[:-1]) / 2, np.abs(np.diff(f))
    bend = np.r_[move[1:], 0.0] + move + np.r_[0.0, move[:-1]]
    inside = np.flatnonzero((np.diff(x) > 0) & (middle > low) & (middle < high))
    best = inside[np.argsort(-bend[inside], kind="stable")[:KNOTS]]
    peaks = np.clip(x[np.minimum(best + 1, len(x) - 1)], low, high)
    return np.concatenate([middle[best], peaks])


def located(t: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steps that hold `times`, and where in them; times at the ends of steps move inside."""
    direction = 1.0 if t[-1] >= t[0] else -1.0
    step = np.clip(np.searchsorted(direction * t, direction * times, side="right") - 1, 0, len(t) - 2)
    length = t[step + 1] - t[step]
    kept = length != 0
    step, length, times = step[kept], length[kept], times[kept]
    return step, np.clip((times - t[step]) / length, MARGIN, 1 - MARGIN)


def at(found: Trajectory, step: np.ndarray, theta: np.ndarray) -> Points:
    t, y, K = np.asarray(found.t), np.asarray(found.y), np.asarray(found.K)
    length = (t[1:] - t[:-1])[step]
    if not len(step):
        nothing = np.zeros((0, y.shape[1]))
        return Points(step, theta, np.zeros(0), nothing, nothing, length, np.zeros(0))
    values = interpolate_many(y[step], y[step + 1], K[step], theta)
    values = np.where((theta == 1)[:, None], y[step + 1], np.where((theta == 0)[:, None], y[step], values))
    slope = slopes(y[step], y[step + 1], K[step], theta) / length[:, None]
    # By Bernstein's inequality inside, by Markov's at the ends.
    degree = K.shape[1] + 1
    inside = degree / np.sqrt(np.maximum(theta * (1 - theta), 1e-12))
    rate = np.minimum(inside, 2 * degree**2) / np.abs(length)
    return Points(step, theta, t[step] + theta * length, values, slope, length, rate)


def slopes(y0: np.ndarray, y1: np.ndarray, K: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The derivative of `interpolate_many` by theta."""
    theta = theta[:, None]
    inner, slope = K[:, -1], np.zeros_like(y0)
    for k in range(K.shape[1] - 2, -1, -1):
        inner, slope = K[:, k] + theta * inner, inner + theta * slope
    return y1 - y0 + (1 - 2 * theta) * inner + theta * (1 - theta) * slope
