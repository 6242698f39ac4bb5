"""Figures of files over time as what drives inputs in a run: what they are outside of the times that the file has."""

from typing import Any

import numpy as np

from stiffdsl.check.quantities.conversion import converted
from stiffdsl.check.tables import SeriesData
from stiffdsl.solve.integrate.solution import Solution

# Times within a step at which a solution that drives an input is read.
BETWEEN = 32
# Times may lie outside by so many parts of the length of the data.
NEAR = 1e-9


def data_over(data: SeriesData, span: tuple[float, float] | None) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of `data`, continued over the `span` of a run as it says; ends are held where there is no span.

    Raises `ValueError` where the data are to hold for their own times only, and the run goes beyond.
    """
    if span is None or data.outside == "hold" or not np.isfinite(span).all():
        return data.times, data.values
    return continued(data.name, data.times, data.values, data.outside, span)


def continued(
    name: str, times: np.ndarray, values: np.ndarray, outside: str, span: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The table of the input `name` over all of a `span`: beyond its times as `outside` says, for which `ValueError` is
    raised where that is `error`."""
    first, last = float(times[0]), float(times[-1])
    low, high = min(span), max(span)
    length = last - first
    near = NEAR * length
    if low >= first - near and high <= last + near:
        return times, values
    if outside == "error":
        raise ValueError(
            f"the figures of the input `{name}` reach from {first:g} s to {last:g} s, and the run from {low:g} s "
            f"to {high:g} s: give it longer ones, or say what it is beyond with `outside = hold`, `extend` or `repeat`"
        )
    if outside == "hold" or length <= 0:
        before, after = [low] * (low < first), [high] * (high > last)
        times = np.r_[before, times, after]
        return times, np.r_[[values[0]] * len(before), values, [values[-1]] * len(after)]
    if outside == "extend":
        return _extended(times, values, low, high)
    turns = np.arange(np.floor((low - first) / length), np.floor((high - first) / length) + 1)
    return (times[None, :] + length * turns[:, None]).ravel(), np.tile(values, len(turns))


def of_solution(given: Any, name: str, unit: str | None) -> Any:
    """The table of `(solution, "variable")`, which drives the input `name` as another run found it, in that input's
    unit; what is given otherwise as it is. A solution that is continuous is read between its steps too."""
    if not (isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[0], Solution)):
        return given
    solution, variable = given
    times = np.asarray(solution.t, dtype=float)
    values = solution[variable]
    if np.ndim(values) != 1:
        raise ValueError(f"the input `{name}` follows one variable, and `{variable}` is an array of them")
    if solution.continuous and len(times) > 1 and not len(solution.events or ()):
        inner = times[:-1, None] + np.diff(times)[:, None] * np.arange(BETWEEN) / BETWEEN
        times = np.append(inner.ravel(), times[-1])
        values = solution(times)[variable]
    return times, converted(name, np.asarray(values), solution.units.get(variable), unit)


def data_key(data: SeriesData, span: tuple[float, float] | None) -> tuple[float, float] | None:
    """The part of a `span` that the data over it depend on: None where it lies within their own times."""
    if span is None or (min(span) >= data.times[0] and max(span) <= data.times[-1]):
        return None
    return span


def _extended(
    times: np.ndarray, values: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """The straight lines at both ends, to `low` and `high`."""
    if low < times[0]:
        before = values[0] + _slope(times[:2], values[:2]) * (low - times[0])
        times, values = np.r_[low, times], np.r_[before, values]
    if high > times[-1]:
        after = values[-1] + _slope(times[-2:], values[-2:]) * (high - times[-1])
        times, values = np.r_[times, high], np.r_[values, after]
    return times, values


def _slope(times: np.ndarray, values: np.ndarray) -> float:
    width = times[1] - times[0]
    return float((values[1] - values[0]) / width) if width > 0 else 0.0
