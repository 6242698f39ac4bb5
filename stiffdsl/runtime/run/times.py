"""Interval and saved times of a run: as the call says, else the experiment."""

from typing import Any, NamedTuple

import numpy as np

from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.solve.base.arguments import number, told, whole
from stiffdsl.solve.base.times import seconds

# The decades that log-spaced times cover, and how many times are saved where only that they are is said.
DECADES = 10
POINTS = 200
# By how much a time that was computed may miss an end of the interval, relative to it: a few units in the last place.
ROUNDING = 8 * np.finfo(float).eps
# So many times would not fit into memory.
MOST_POINTS = 10**9


def interval(model: CompiledProgram, time: Any, saveat: Any = None) -> tuple[float, float]:
    """Start and end: as given, else the experiment, else from 0 to the furthest of `saveat`. Raises `ValueError`."""
    start, end = _interval(model, time, saveat)
    if end < start and model.program.events.count:
        raise ValueError("a model with events is solved forward in time: `time` must ascend")
    return start, end


def _interval(model: CompiledProgram, time: Any, saveat: Any) -> tuple[float, float]:
    if time is None:
        time = model.experiment.get("time")
        if saveat is not None and len(saveat):
            start = 0.0 if time is None else time[0]
            return float(start), float(max(saveat[-1], saveat[0], key=lambda t: abs(t - start)))
        if time is not None:
            return float(time[0]), float(time[1])
        raise ValueError(
            "which time to simulate? Give it (`--time 0..10`, in Python `time=(0, 10)`), or write it in the section "
            "`experiment` of the model"
        )
    return ends_of(time)


def ends_of(time: Any) -> tuple[float, float]:
    """The pair `time` in seconds. Raises `ValueError`."""
    pair = seconds(time, "`time`")
    if pair.shape != (2,):
        raise ValueError(f"`time` is a pair (start, end), not {told(time)}")
    start, end = pair.tolist()
    if not (np.isfinite(start) and np.isfinite(end)):
        raise ValueError(f"`time` must be finite, not ({start}, {end})")
    return start, end


def begins(model: CompiledProgram, time: Any) -> float:
    """Start time of a run: as given, else the experiment's, else 0."""
    return number(time, "`time`") if time is not None else float(model.experiment.get("time", (0.0, 0.0))[0])


def save_times(saveat: Any) -> np.ndarray | None:
    """`saveat` as a vector that ascends, or descends. Raises `ValueError`."""
    if saveat is None:
        return None
    times = np.atleast_1d(seconds(saveat, "`saveat`"))
    if times.ndim != 1 or not np.isfinite(times).all():
        raise ValueError("`saveat` is a vector of finite times")
    if not len(times):
        raise ValueError("`saveat` is empty: it takes at least one time")
    if len(times) > 2 and (times[1:] < times[:-1]).any() and (times[1:] > times[:-1]).any():
        raise ValueError("the times in `saveat` must ascend, or descend")
    return times


def against(times: np.ndarray, start: float, end: float) -> bool:
    """Whether `times` run against the direction of a solve."""
    return len(times) > 1 and (times[-1] < times[0]) != (end < start) and times[-1] != times[0]


def within(times: np.ndarray, start: float, end: float) -> np.ndarray:
    """`times` where they lie in the interval: those that only rounding puts outside are its ends."""
    low, high = min(start, end), max(start, end)
    near = ROUNDING * max(abs(low), abs(high))
    if len(times) > 1:
        first, last = times.min(), times.max()
    else:
        first, last = (times[0], times[0]) if len(times) else (low, high)
    if low <= first and last <= high:
        return times.copy()
    if first < low - near or last > high + near:
        off = float(last if last > high + near else first)
        raise ValueError(
            f"`saveat` holds {off:.12g}, which lies outside the time {start:.12g}..{end:.12g} of the solve"
        )
    return np.clip(times, low, high)


def spread(model: CompiledProgram, start: float, end: float, points: int) -> np.ndarray:
    """`points` times over the interval, log-spaced after the first where the experiment says `log`."""
    points = whole(points, "`points`", 2)
    if points > MOST_POINTS:
        raise ValueError(f"`points` must be at most {MOST_POINTS}, not {told(points)}")
    if not model.experiment.get("log") or start != 0:
        return np.linspace(start, end, points)
    first = np.log10(abs(end)) - DECADES
    times = np.concatenate([[0.0], np.sign(end) * np.logspace(first, first + DECADES, points - 1)])
    times[-1] = end
    return times


class SavedTimes(NamedTuple):
    """Interval of a run, and the times at which it is read: `at`, in the direction of the solve (None: at its steps),
    `turned` where they were given against it; or `spread` over the interval as far as the run comes (None: nowhere)."""

    start: float
    end: float
    at: np.ndarray | None
    turned: bool
    spread: np.ndarray | None


def saved_times(model: CompiledProgram, time: Any, saveat: Any, points: int | None) -> SavedTimes:
    """The interval and saved times of one run. Raises `ValueError`."""
    times = save_times(saveat)
    start, end = interval(model, time, times)
    if times is None:
        points = points if points is not None else model.experiment.get("points")
        return SavedTimes(
            start, end, None, False, None if points is None else spread(model, start, end, points)
        )
    times = within(times, start, end)
    turned = against(times, start, end)
    return SavedTimes(start, end, times[::-1] if turned else times, turned, None)


def interval_and_times(model: CompiledProgram, time: Any, saveat: Any) -> tuple[float, float, np.ndarray]:
    """The interval, and the times that many runs are read at: as given, else spread over it."""
    times = save_times(saveat)
    start, end = interval(model, time, times)
    if times is None:
        return start, end, spread(model, start, end, model.experiment.get("points", POINTS))
    return start, end, within(times, start, end)
