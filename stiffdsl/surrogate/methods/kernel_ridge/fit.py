"""Kernel ridge regression whose kernel, widths and ridges are chosen by the errors at samples left out one by one.

One eigendecomposition of the kernel's matrix gives these errors for every ridge (Saunders, Gammerman, Vovk, ICML 1998,
on the method; Golub, Heath, Wahba, Technometrics 21, 1979, on the choice), so that each component has its own."""

from dataclasses import replace
from functools import cache

import numpy as np

from stiffdsl.surrogate.regression import radial
from stiffdsl.surrogate.regression.radial import Choice, RadialMap

_KERNELS = ("gaussian", "matern", "inverse multiquadric", "exponential")
_WIDTHS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
_RIDGES = np.geomspace(1e-12, 10.0, 27)
# Samples that kernel and widths are chosen by.
_SELECTION_SAMPLES = 256
_REFINED = 2


def regress(z: np.ndarray, values: np.ndarray, seed: int) -> tuple[RadialMap, float, dict[str, object]]:
    """The regression of `values` (n, r) at z (n, d), its error at samples left out, and what was chosen."""
    some = np.sort(np.random.default_rng([seed, 15]).permutation(len(z))[:_SELECTION_SAMPLES])

    @cache
    def error(choice: Choice) -> float:
        return ridged(choice, z[some], values[some])[1]

    near = []
    for kernel in _KERNELS:
        scaled = (width * (3.0 / max(z.shape[1], 3)) ** 0.5 for width in _WIDTHS)
        near.append(min((Choice(kernel, (s,) * z.shape[1], -1) for s in scaled), key=error))
    best = min((radial.refined(c, error) for c in sorted(near, key=error)[:_REFINED]), key=error)
    weights, least, ridges = ridged(best, z, values)
    best = replace(best, nugget=float(ridges[0]))
    chosen = {"kernel": best.kernel, "scales": list(best.scales), "ridge": best.nugget}
    return RadialMap(best, z, weights), least, chosen


def ridged(choice: Choice, z: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Weights (n, r) with the best ridge for each column of `values` (n, r), the error left out, and the ridges (r,).

    The error is a mean of fourth powers over samples, since the worst matters most.
    """
    eigenvalues, vectors = np.linalg.eigh(radial.features(np, choice, z, z))
    eigenvalues = np.maximum(eigenvalues, 0.0)
    projected, shares = vectors.T @ values, vectors**2
    best = np.full(values.shape[1], np.inf)
    weights, left_out = np.zeros_like(values), np.zeros_like(values)
    ridges = np.zeros(values.shape[1])
    for ridge in _RIDGES:
        inverse = 1 / (eigenvalues + ridge)
        found = vectors @ (inverse[:, None] * projected)
        errors = found / (shares @ inverse)[:, None]
        sizes = np.mean(errors**2, axis=0)
        better = sizes < best
        best[better], ridges[better] = sizes[better], ridge
        weights[:, better], left_out[:, better] = found[:, better], errors[:, better]
    return weights, float(np.mean(np.sum(left_out**2, axis=1) ** 2)) ** 0.25, ridges
