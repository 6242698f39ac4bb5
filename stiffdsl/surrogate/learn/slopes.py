"""Errors of a surrogate's derivatives: slopes along directions drawn at random, against those of the full model.

People optimise through surrogates, and a small error of values says little of slopes. Both are differences over the
same one per cent of the ranges, on runs of their own, so that a model without derivatives has them, too."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stiffdsl.surrogate.core import sampling
from stiffdsl.surrogate.core.task import Progress, Task
from stiffdsl.surrogate.learn.validation import quantile

# Points where slopes are measured: a share of the test samples, at least and at most. Each takes two solves.
_SHARE, _LEAST, _MOST = 5, 8, 16
# How far to both sides, as a share of the ranges.
STEP = 5e-3
# Slopes below this share of an output's largest count as that: next to none has no relative error.
_FLOOR = 0.05


def measured(
    task: Task,
    predict: Callable[[np.ndarray], np.ndarray],
    told: np.ndarray,
    tests: int,
    seed: int,
    tell: Progress,
) -> dict[str, Any] | None:
    """Relative errors of slopes: median and 95 % over the outputs `told`, and by output; None where too few runs
    succeed. The last axis of `predict(values)` is outputs, before it are times."""
    first, second = pairs(task, tests, seed)
    count = len(first)
    found, ok, _ = task.solve_many(np.concatenate([first, second]), tell)
    found, ok = np.asarray(found, dtype=float), np.asarray(ok, dtype=bool)
    good = ok[:count] & ok[count:] & np.all(np.isfinite(found[:count] + found[count:]), axis=(1, 2))
    if good.sum() < 2:
        return None
    truth = (found[count:] - found[:count])[good]
    with np.errstate(over="ignore", invalid="ignore"):
        answer = predict(second[good]) - predict(first[good])
    largest = np.abs(truth).max((0, 1))
    floor = np.where(largest > 0, _FLOOR * largest, 1.0)
    error = np.abs(answer - truth) / np.maximum(np.abs(truth), floor)
    error = np.where(np.isfinite(error), error, np.inf)
    high = quantile(error, 0.95, axis=(0, 1))
    return {
        "median": float(np.median(error[..., told])),
        "p95": float(quantile(error[..., told], 0.95)),
        "points": int(good.sum()),
        "over": 2 * STEP,
        "by_output": {
            name: {"median": float(np.median(error[..., k])), "p95": float(high[k])}
            for k, name in enumerate(task.outputs)
        },
    }


def pairs(task: Task, tests: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, d) values a step back and a step on from points in the box, for so many `tests`; of an input, its level
    moves."""
    count = int(np.clip(tests // _SHARE, _LEAST, _MOST))
    rng = np.random.default_rng([seed, 21])
    scalars = sampling.in_box(task, rng.random((count, task.scalars)), task.distribution == "log")
    values = sampling.with_signals(task, scalars, seed, 3)
    direction = rng.normal(size=(count, task.scalars + len(task.drives)))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    every = np.repeat(
        np.arange(direction.shape[1]), [1] * task.scalars + [len(task.times)] * len(task.drives)
    )
    low, high = task.low, task.high
    step = STEP * direction[:, every] * (high - low)
    middle = np.clip(values, low + np.abs(step), high - np.abs(step))
    return middle - step, middle + step
