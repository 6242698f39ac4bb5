"""Least squares on functions of time by a truncated singular value decomposition.

Trajectories Y (m, c) are fitted as U W, where U (m, K) are the leading left singular vectors of the
functions' values at the training times. Where to cut is decided on times left out of the fit: a basis that is
cut too late fits the training times and rings between them."""

from dataclasses import dataclass

import numpy as np

from stiffdsl.surrogate.timebasis import TimeBasis

# Directions below the least of these times the largest singular value are never used.
CUTS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)


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
    functions: TimeBasis, positions: np.ndarray, trajectories: np.ndarray, cut: float | None = None
) -> Fitted:
    """The best cut of `functions`, or that at `cut`.

    `positions` are the training times among the nodes, `trajectories` (m, c) is Y.
    """
    values = functions.values[positions]
    size = np.maximum(np.max(np.abs(values), axis=0), 1e-300)
    error = 0.0
    if cut is None:
        errors = left_out_errors(values / size, trajectories)
        cut, error = CUTS[int(np.argmin(errors))], float(np.min(errors))
    U, sigma, Vt = np.linalg.svd(values / size, full_matrices=False)
    rank = max(1, int(np.sum(sigma > cut * sigma[0])))
    matrix = Vt[:rank].T / sigma[:rank] / size[:, None]
    return Fitted(functions.times(matrix), U[:, :rank], error)


def left_out_errors(values: np.ndarray, trajectories: np.ndarray) -> list[float]:
    """For each cut, the error at every second time of a fit to the others (the ends are always fitted)."""
    m = len(values)
    outside = np.arange(1, m - 1, 2)
    inside = np.setdiff1d(np.arange(m), outside)
    U, sigma, Vt = np.linalg.svd(values[inside], full_matrices=False)
    projected = U.T @ trajectories[inside]
    predictor = values[outside] @ (Vt.T / np.maximum(sigma, 1e-300))
    found = []
    for cut in CUTS:
        keep = sigma > cut * sigma[0]
        error = predictor[:, keep] @ projected[keep] - trajectories[outside]
        found.append(float(np.mean(error**4) ** 0.25))
    return found
