"""Seconds of a surrogate against those of the full model: one call as a user makes it, and a batch."""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from stiffdsl.solve.integrate.solution import OutsideDomainWarning
from stiffdsl.surrogate.core.task import Task

# Numbers in the batch that is timed, lanes of it, and seconds that a slow surrogate may take for it.
_BATCH_NUMBERS = 4_000_000
_LANES, _FEW_LANES = 4096, 16
_BATCH_SECONDS = 1.0
# The same for each of several methods that are compared.
_COMPARED_SECONDS = 0.2
# Calls are not repeated beyond so many seconds.
_PATIENCE = 5.0
# Lanes of the full model that are timed, after as many that compile; more where they take less than so many seconds.
_FULL_LANES, _FULL_SECONDS = 64, 0.5


def measure(task: Task, surrogate: Any, values: np.ndarray, full_batch_seconds: float) -> dict[str, Any]:
    """Seconds per trajectory, `full` and `surrogate`, in `one` call and in a `batch`, with their ratios.

    Both are calls that a user makes: values are read by name and judged by the domain, too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutsideDomainWarning)
        counts = dict(surrogate.counts)
        try:
            return _measured(task, surrogate, values, full_batch_seconds)
        finally:
            surrogate.counts.update(counts)


def _measured(task: Task, surrogate: Any, values: np.ndarray, full_batch_seconds: float) -> dict[str, Any]:

    def seconds(lanes: int, times: int) -> float:
        called = surrogate.calls_for(values[np.arange(lanes) % len(values)])
        params = called.pop("params", None)
        return fastest(lambda: surrogate.ensemble(params, task.times, **called), times)

    lanes = _lanes(len(task.times) * len(task.outputs), lambda few: seconds(few, 1))
    batch = seconds(lanes, 3) / lanes
    if task.solve_batch is not None:
        full_batch_seconds = _full_batch_seconds(task.solve_batch, values, lanes)
        # Again, in turns: a moment in which the machine is busy strikes both.
        batch = min(batch, seconds(lanes, 2) / lanes)
    point = surrogate.call_for(values[0])
    one = fastest(lambda: surrogate.simulate(**point, saveat=task.times), 20)
    found: dict[str, Any] = {
        "lanes": lanes,
        "batch": {"full": full_batch_seconds, "surrogate": batch, "ratio": full_batch_seconds / batch},
    }
    solve_one = task.solve_one
    if solve_one is not None:
        full = fastest(lambda: solve_one(values[0]), 3)
        found["one"] = {"full": full, "surrogate": one, "ratio": full / one}
    else:
        found["one"] = {"full": None, "surrogate": one, "ratio": None}
    return found


def _full_batch_seconds(solve: Callable[[np.ndarray], Any], values: np.ndarray, lanes: int) -> float:
    """Seconds per run of a batch of the full model: of as many runs at once as the surrogate answers, where these are
    soon solved."""
    few = values[:_FULL_LANES]
    each = fastest(lambda: solve(few), 2) / len(few)
    many = min(lanes, int(_FULL_SECONDS / each))
    if many <= len(few):
        return each
    rows = values[np.arange(many) % len(values)]
    return min(each, fastest(lambda: solve(rows), 2) / many)


def batch_seconds(predict: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> float:
    """Seconds per trajectory of a batch that a method predicts."""

    def seconds(lanes: int, times: int) -> float:
        many = values[np.arange(lanes) % len(values)]
        return fastest(lambda: predict(many), times)

    lanes = _lanes(predict(values[:1]).size, lambda few: seconds(few, 1), _COMPARED_SECONDS)
    return seconds(lanes, 2) / lanes


def _lanes(numbers: int, seconds: Callable[[int], float], most: float = _BATCH_SECONDS) -> int:
    """Lanes of a batch of trajectories of so many numbers each: a power of two, less where all would take longer than
    `most`, as far as the `seconds` of a few of them tell."""
    fitting = min(_BATCH_NUMBERS / numbers, _FEW_LANES * most / seconds(_FEW_LANES))
    return int(np.clip(1 << (max(1, int(fitting)).bit_length() - 1), _FEW_LANES, _LANES))


def fastest(call: Callable[[], Any], times: int) -> float:
    """Seconds of the fastest of `times` calls, after one that compiles; of less where they take long."""
    call()
    seconds: list[float] = []
    while len(seconds) < times and sum(seconds) < _PATIENCE:
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
