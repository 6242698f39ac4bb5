"""Adaptive sampling: new points far from the samples that are there, and where an interpolant of them errs.

The error at a sample is that of an interpolant which has not seen it (five-fold cross-validation); between
samples it is interpolated in its logarithm, and grows with the distance to the nearest sample as that of a
smooth interpolant does (Liu, Ong, Cai, Struct. Multidisc. Optim. 57, 2018, survey such criteria). Points are
taken one by one, and each one taken counts as a sample for the next."""

import numpy as np

from stiffdsl.surrogate.core import sampling
from stiffdsl.surrogate.core.scaling import relative_to
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.expansion.prepare import Prepared, folds_of, quick_choice
from stiffdsl.surrogate.regression import radial

_CANDIDATES = 40
_NEIGHBOURS = 4
# The power of the distance that the error is taken to grow with.
_GROWTH = 4.0
_TIMES = 40


def points(task: Task, prepared: Prepared, samples: sampling.Samples, count: int, seed: int) -> np.ndarray:
    """(count, d) values to solve next; `prepared` was made of `samples`."""
    if task.drives:
        rng = np.random.default_rng([seed, 12, len(samples)])
        scalars = sampling.in_box(task, rng.random((count, task.scalars)), task.distribution == "log")
        return sampling.with_signals(task, scalars, seed, 3 + len(samples))
    d = task.scalars
    candidates = sampling.training_points(task, _CANDIDATES * count, _mixed(seed, len(samples)))[1:]
    z, known = prepared.parameters.scale(np, candidates), prepared.z
    tried = np.concatenate([known, prepared.parameters.scale(np, samples.failed.reshape(-1, d))])
    error = _between(z, known, left_out(prepared, samples, seed))
    nearest = np.min(_squared(z, tried), axis=1)
    chosen = []
    for _ in range(count):
        k = int(np.argmax(np.log(np.maximum(nearest, 1e-300)) * (0.5 * _GROWTH) + error))
        chosen.append(k)
        nearest = np.minimum(nearest, _squared(z, z[k][None])[:, 0])
    return candidates[chosen]


def left_out(prepared: Prepared, samples: sampling.Samples, seed: int) -> np.ndarray:
    """(n,) the worst relative error of each trajectory, by an interpolant of the others."""
    inner = samples.trajectories[:, 1:] if prepared.leads else samples.trajectories
    stride = max(1, inner.shape[1] // _TIMES)
    truth = inner[:, ::stride]
    denominator = relative_to(truth, inner, False)
    y = prepared.outputs.scale(truth)
    every = np.arange(y.shape[-1])
    found = np.empty(len(y))
    for inside, outside in folds_of(prepared.z, seed):
        fitted = radial.solve(
            quick_choice(prepared.z[inside]), prepared.z[inside], y[inside].reshape(len(inside), -1)
        )
        predicted = fitted(np, prepared.z[outside]).reshape(len(outside), *y.shape[1:])
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.abs(prepared.outputs.unscale(predicted, every) - truth[outside]) / denominator[outside]
        found[outside] = np.where(np.isfinite(error), error, 1.0).max(axis=(1, 2))
    return found


def _between(z: np.ndarray, known: np.ndarray, error: np.ndarray) -> np.ndarray:
    """(k,) the logarithm of the error around z, from the samples that are nearest."""
    squared = _squared(z, known)
    near = np.argsort(squared, axis=1)[:, :_NEIGHBOURS]
    weight = 1 / np.maximum(np.take_along_axis(squared, near, axis=1), 1e-12)
    logarithm = np.log(np.clip(error, 1e-12, 1e3))[near]
    return np.sum(weight * logarithm, axis=1) / np.sum(weight, axis=1)


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum(np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1) - 2 * a @ b.T, 0.0)


def _mixed(seed: int, count: int) -> int:
    """Another seed for every number of samples."""
    return int(np.random.default_rng([seed, 13, count]).integers(1 << 31))
