"""Least squares on functions of time by a truncated singular value decomposition.

Trajectories Y (m, c) are fitted as U W, where U (m, K) are the leading left singular vectors of the
functions' values at the training times. Where to cut is decided on times left out of the fit: a basis that is
cut too late fits the training times and rings between them."""

from dataclasses import dataclass

import numpy as np

from stiffdsl.surrogate.regression.timebasis import TimeBasis

# Directions below the least of these times the largest singular value are never used.
CUTS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
# How much larger than the others the functions are made that should be kept before them.
_PREFERENCE = 30.0
# What is never used of a basis, as a root mean square in scaled outputs.
_UNUSED = 1e-9
# Every so many times are left out, beginning with each of these in turn.
_EVERY = 4
_LEFT_OUT = (1, 3)


@dataclass(frozen=True, eq=False)
class Fitted:
    """An orthonormal basis at the training times, and its error (root mean square, at times left out)."""

    basis: TimeBasis
    at_times: np.ndarray
    error: float

    @property
    def rank(self) -> int:
        return self.at_times.shape[1]


def orthonormal(
    functions: TimeBasis,
    positions: np.ndarray,
    trajectories: np.ndarray,
    preferred: int = 0,
    cut: float | None = None,
) -> Fitted:
    """The best cut of `functions`, or that at `cut`; the first `preferred` of them are the last to be cut.

    `positions` are the training times among the nodes, `trajectories` (m, c) is Y.
    """
    values = functions.values[positions]
    size = np.maximum(np.max(np.abs(values), axis=0), 1e-300)
    size[:preferred] /= _PREFERENCE
    error = 0.0
    if cut is None:
        errors = left_out_errors(values / size, trajectories)
        cut, error = CUTS[int(np.argmin(errors))], float(np.min(errors))
    U, sigma, Vt = np.linalg.svd(values / size, full_matrices=False)
    rank = max(1, int(np.sum(sigma > cut * sigma[0])))
    matrix = Vt[:rank].T / sigma[:rank] / size[:, None]
    return Fitted(functions.times(matrix), U[:, :rank], error)


def left_out_errors(values: np.ndarray, trajectories: np.ndarray) -> list[float]:
    """For each cut, the error at every fourth time of fits to the others (the ends are always fitted)."""
    m = len(values)
    fourth_powers = np.zeros(len(CUTS))
    count = 0
    for first in _LEFT_OUT:
        outside = np.arange(first, m - 1, _EVERY)
        inside = np.setdiff1d(np.arange(m), outside)
        U, sigma, Vt = np.linalg.svd(values[inside], full_matrices=False)
        projected = U.T @ trajectories[inside]
        predictor = values[outside] @ (Vt.T / np.maximum(sigma, 1e-300))
        for k, cut in enumerate(CUTS):
            keep = sigma > cut * sigma[0]
            error = predictor[:, keep] @ projected[keep] - trajectories[outside]
            fourth_powers[k] += np.sum(error**4)
        count += len(outside) * trajectories.shape[1]
    return [float(total / count) ** 0.25 for total in fourth_powers]


def needed(fitted: Fitted, projections: np.ndarray) -> tuple[Fitted, np.ndarray]:
    """The part of a basis that `projections` (n, K, g) use, and the projections in it (n, k, g)."""
    n, K, g = projections.shape
    U, sigma, _ = np.linalg.svd(projections.transpose(1, 0, 2).reshape(K, n * g), full_matrices=False)
    left = np.sqrt(np.cumsum(sigma[::-1] ** 2)[::-1] / (n * g * len(fitted.at_times)))
    U = U[:, : max(1, int(np.sum(left > _UNUSED)))]
    smaller = Fitted(fitted.basis.times(U), fitted.at_times @ U, fitted.error)
    return smaller, np.einsum("kj,nkg->njg", U, projections, optimize=True)
