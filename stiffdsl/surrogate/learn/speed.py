"""Seconds of a surrogate against those of the full model: one call as a user makes it, and a batch."""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from stiffdsl.solve.integrate.solution import OutsideDomainWarning
from stiffdsl.surrogate.core.task import Task

# Numbers in the batch that is timed.
_BATCH_NUMBERS = 4_000_000
_LANES = 4096
# Lanes of the full model that are timed, after as many that compile.
_FULL_LANES = 64


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
    lanes = _lanes(len(task.times) * len(task.outputs))
    called = surrogate.calls_for(values[np.arange(lanes) % len(values)])
    params = called.pop("params", None)
    batch = fastest(lambda: surrogate.ensemble(params, task.times, **called), 3) / lanes
    solve_batch = task.solve_batch
    if solve_batch is not None:
        few = values[:_FULL_LANES]
        full_batch_seconds = fastest(lambda: solve_batch(few), 1) / len(few)
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


def batch_seconds(predict: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> float:
    """Seconds per trajectory of a batch that a method predicts."""
    numbers = predict(values[:1]).size
    many = values[np.arange(_lanes(numbers)) % len(values)]
    return fastest(lambda: predict(many), 2) / len(many)


def _lanes(numbers: int) -> int:
    """Lanes of a batch of trajectories of so many numbers each."""
    return int(np.clip(1 << (max(1, _BATCH_NUMBERS // numbers).bit_length() - 1), 16, _LANES))


def fastest(call: Callable[[], Any], times: int) -> float:
    """Seconds of the fastest of `times` calls, after one that compiles."""
    call()
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
