"""The difficulty of inputs over time: how large errors are expected for their shape, relative to the usual.

Busy inputs are harder than lazy ones, and a user's may all be of one kind. Intervals that are scaled by a prediction of
the error's size hold for each kind, and stay valid where it predicts badly (normalised conformal prediction:
Papadopoulos, Gammerman, Vovk, "Normalized nonconformity measures for regression conformal prediction", 2008)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.novelty import Shapes

# Samples that a prediction is learnt from, at least; its ridges, as multiples of the samples; the parts that are left
# out in turn.
_LEAST, _RIDGES, _PARTS = 60, (0.01, 0.1, 1.0), 6


@dataclass(frozen=True, eq=False)
class Difficulty:
    """The logarithm of the expected size of errors is `mean` and `weights` (g,) times whitened features (see
    `novelty.Shapes`), within `low`..`high`."""

    mean: float
    weights: np.ndarray
    low: float
    high: float

    def __call__(self, z: Float[Any, "k g"]) -> Float[Any, " k"]:
        """The expected size of errors, for whitened features."""
        return np.exp(np.clip(self.mean + z @ self.weights, self.low, self.high))


def learnt(
    shapes: Shapes | None, u: Float[np.ndarray, "n i M"], errors: Float[np.ndarray, "n m q"]
) -> tuple[Difficulty | None, np.ndarray]:
    """The difficulty of inputs by the `errors` of samples, and that of each sample (n,) by the others; None, and ones,
    where there are too few, or where shapes say nothing of the errors."""
    n = len(u)
    usual = np.sqrt(np.mean(np.square(errors), axis=0))
    moving = np.isfinite(usual) & (usual > 0)
    size = (
        np.sqrt(np.mean(np.square(errors[:, moving] / usual[moving]), axis=1))
        if moving.any()
        else np.zeros(n)
    )
    # Samples with the same inputs, which examples make, are left out together.
    parts = np.unique(u.reshape(n, -1), axis=0, return_inverse=True)[1].ravel()
    if shapes is None or n < _LEAST or parts.max() < 2 * _PARTS or not np.all(size > 0):
        return None, np.ones(n)
    parts = parts % _PARTS
    z, y = shapes.whitened(np, u), np.log(size)
    best = float(np.var(y)), None, np.ones(n)
    for ridge in _RIDGES:
        found = np.empty(n)
        for part in range(_PARTS):
            out = parts == part
            found[out] = np.log(_fitted(z[~out], y[~out], ridge)(z[out]))
        miss = float(np.mean(np.square(found - y)))
        if miss < 0.9 * best[0]:
            best = miss, ridge, np.exp(found)
    _, ridge, left_out = best
    return (None if ridge is None else _fitted(z, y, ridge)), left_out


def _fitted(z: np.ndarray, y: np.ndarray, ridge: float) -> Difficulty:
    mean, centre = float(y.mean()), z.mean(0)
    centred = z - centre
    gram = centred.T @ centred + ridge * len(y) * np.eye(z.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (y - mean))
    return Difficulty(mean - float(centre @ weights), weights, float(y.min()), float(y.max()))
