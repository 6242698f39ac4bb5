"""Interpolation over parameters by radial basis functions with a polynomial tail.

    c(z) = sum_i a_i phi(|D (z - z_i)|) + sum_k b_k T_k(z)

with Chebyshev products T_k up to a total degree (Wendland, Scattered Data Approximation, 2005; Fornberg and
Flyer, Acta Numerica 24, 2015, on tails). Kernel, widths D (one for each parameter) and degree are chosen by
cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations_with_replacement
from math import comb
from typing import Any

import numpy as np
from jaxtyping import Float

FOLDS = 5
# A polynomial tail may use at most this share of the samples.
_TAIL_SHARE = 0.6
_GREATEST_DEGREE = 5
# Cross-validation of more samples than this would cost more than it tells.
_SELECTION_SAMPLES = 400
_FINALISTS, _REFINED = 12, 3
# Scales of more parameters than this are left alike.
_REFINED_PARAMETERS = 24


def _thin_plate(xp: Any, r2: Any) -> Any:
    safe = xp.where(r2 > 0, r2, 1.0)
    return 0.5 * r2 * xp.log(safe)


def _power(exponent: float, sign: float) -> Callable[[Any, Any], Any]:
    def kernel(xp: Any, r2: Any) -> Any:
        # Where r is zero its root has no derivative, though the power of it has.
        safe = xp.where(r2 > 0, r2, 1.0)
        return sign * xp.where(r2 > 0, safe**exponent, 0.0)

    return kernel


def _matern(xp: Any, r2: Any) -> Any:
    r = xp.sqrt(xp.where(r2 > 0, r2, 1e-300))
    return (1 + r + r * r / 3) * xp.exp(-r)


def _exponential(xp: Any, r2: Any) -> Any:
    return xp.exp(-xp.sqrt(xp.where(r2 > 0, r2, 1e-300)))


# Kernels as functions of the squared distance.
KERNELS: dict[str, Callable[[Any, Any], Any]] = {
    "cubic": _power(1.5, 1.0),
    "quintic": _power(2.5, -1.0),
    "thin plate": _thin_plate,
    "gaussian": lambda xp, r2: xp.exp(-r2),
    "inverse multiquadric": lambda xp, r2: 1 / xp.sqrt(1 + r2),
    "multiquadric": lambda xp, r2: -xp.sqrt(1 + r2),
    "matern": _matern,
    "exponential": _exponential,
}
# The kernels that interpolation tries: the exponential has corners at the samples.
_INTERPOLATING = tuple(name for name in KERNELS if name != "exponential")
_SCALE_FREE = ("cubic", "quintic", "thin plate")
_LEAST_DEGREE = {"cubic": 1, "thin plate": 1, "quintic": 2, "multiquadric": 0}
_WIDTHS = (0.25, 0.4, 0.7)


@dataclass(frozen=True)
class Choice:
    """Hyperparameters chosen by cross-validation: kernel, a scale for each parameter, degree of the polynomial
    tail (-1: none), nugget.
    """

    kernel: str
    scales: tuple[float, ...]
    degree: int
    nugget: float = 0.0


@dataclass(frozen=True, eq=False)
class RadialMap:
    """A fitted map from z (d,) to r numbers: `centres` (n, d), `weights` (n + p, r)."""

    choice: Choice
    centres: np.ndarray
    weights: np.ndarray

    def __call__(self, xp: Any, z: Float[Any, "k d"]) -> Any:
        return features(xp, self.choice, z, self.centres) @ xp.asarray(self.weights)

    def leading(self, count: int) -> "RadialMap":
        """The map to the first `count` numbers."""
        return replace(self, weights=np.ascontiguousarray(self.weights[:, :count]))


def terms(dimensions: int, degree: int) -> list[tuple[int, ...]]:
    """The polynomial terms: for each the parameters that are its factors, with repetition."""
    return [
        term
        for total in range(degree + 1)
        for term in combinations_with_replacement(range(dimensions), total)
    ]


def features(xp: Any, choice: Choice, z: Float[Any, "k d"], centres: np.ndarray) -> Any:
    """(k, n + p): the kernels around the centres, then the terms of the tail."""
    dimensions = centres.shape[1]
    scales = np.array(choice.scales)
    squared = 0.0
    scaled_z, scaled_centres = z * scales, centres * scales
    for j in range(dimensions):
        difference = scaled_z[:, j, None] - scaled_centres[:, j]
        squared = squared + difference * difference
    blocks = [KERNELS[choice.kernel](xp, squared)]
    if choice.degree >= 0:
        blocks.append(tail(xp, z, choice.degree))
    return xp.concatenate(blocks, axis=1)


def tail(xp: Any, z: Any, degree: int) -> Any:
    """(k, p): the terms of the tail at z (k, d)."""
    chebyshev = [xp.ones_like(z), z]
    for _ in range(degree - 1):
        chebyshev.append(2 * z * chebyshev[-1] - chebyshev[-2])
    table = xp.stack(chebyshev[: degree + 1], axis=2).reshape(z.shape[0], -1)
    exponents = exponent_table(z.shape[1], degree)
    product = xp.ones((z.shape[0], len(exponents)))
    for j in range(z.shape[1]):
        product = product * table[:, j * (degree + 1) + exponents[:, j]]
    return product


@cache
def exponent_table(dimensions: int, degree: int) -> np.ndarray:
    """(p, d) exponents of the terms."""
    found = terms(dimensions, degree)
    table = np.zeros((len(found), dimensions), dtype=np.int64)
    for k, term in enumerate(found):
        for j in term:
            table[k, j] += 1
    return table


def solve(choice: Choice, z: np.ndarray, values: np.ndarray) -> RadialMap:
    """The interpolant of `values` (n, r) at z (n, d). Raises `LinAlgError` where the system is singular."""
    n = len(z)
    whole = features(np, choice, z, z)
    polynomial = whole[:, n:]
    p = polynomial.shape[1]
    system = np.block(
        [[whole[:, :n] + choice.nugget * np.eye(n), polynomial], [polynomial.T, np.zeros((p, p))]]
    )
    right = np.concatenate([values, np.zeros((p, values.shape[1]))])
    return RadialMap(choice, z, np.linalg.solve(system, right))


def fit(z: np.ndarray, values: np.ndarray, seed: int) -> tuple[RadialMap, float]:
    """The interpolant whose cross-validated error is least, and that error (in the unit of `values`)."""
    rng = np.random.default_rng([seed, 3])
    order = rng.permutation(len(z))
    chosen = np.sort(order[:_SELECTION_SAMPLES])
    fold = np.empty(len(z), dtype=np.int64)
    fold[order] = np.arange(len(z)) % FOLDS

    @cache
    def error(choice: Choice, folds: int = FOLDS) -> float:
        return left_out(choice, z[chosen], values[chosen], fold[chosen], folds)

    # Most candidates are far off: one fold tells, and all folds decide between those that are left.
    ranked = sorted(candidates(len(z), z.shape[1]), key=lambda c: error(c, 1))
    # One of each kind, that a fold which flatters a kind cannot fill the list with it.
    first = {(c.kernel, c.degree): c for c in reversed(ranked)}
    near = [c for c in ranked if first[c.kernel, c.degree] is c][:_FINALISTS]
    # Which parameters matter is told by any kind; with that known, kinds are compared once more.
    pattern = np.array(refined(min(near, key=error), error).scales)
    pattern /= np.exp(np.mean(np.log(pattern)))
    near += [replace(c, scales=tuple(map(float, c.scales[0] * pattern))) for c in near]
    best = min((refined(c, error) for c in sorted(near, key=error)[:_REFINED]), key=error)
    return solve(best, z, values), error(best)


def left_out(choice: Choice, z: np.ndarray, values: np.ndarray, fold: np.ndarray, folds: int) -> float:
    """The error at samples left out, fold by fold: a mean of fourth powers, since the worst matters most."""
    squares: list[np.ndarray] = []
    for k in range(folds):
        inside, outside = fold != k, fold == k
        if not outside.any():
            continue
        try:
            fitted = solve(choice, z[inside], values[inside])
        except np.linalg.LinAlgError:
            return np.inf
        squares.append(np.sum((fitted(np, z[outside]) - values[outside]) ** 2, axis=1))
    mean = float(np.mean(np.concatenate(squares) ** 2)) ** 0.25
    return mean if np.isfinite(mean) else np.inf


def candidates(samples: int, dimensions: int) -> list[Choice]:
    """Candidates tried first, with one width for all parameters."""
    available = (FOLDS - 1) * samples // FOLDS
    greatest = max(
        (k for k in range(_GREATEST_DEGREE + 1) if comb(dimensions + k, k) <= _TAIL_SHARE * available),
        default=0,
    )
    found: list[Choice] = []
    for kernel in _INTERPOLATING:
        least = _LEAST_DEGREE.get(kernel, -1)
        degrees = sorted({max(least, -1), *range(max(least, 1), greatest + 1)})
        widths = (1.0,) if kernel in _SCALE_FREE else _WIDTHS
        for degree in degrees:
            if degree > greatest:
                continue
            for width in widths:
                scale = width * (3.0 / max(dimensions, 3)) ** 0.5
                nuggets = _nuggets(kernel, degree)
                found.extend(Choice(kernel, (scale,) * dimensions, degree, nugget) for nugget in nuggets)
    if not found:
        found.append(Choice("gaussian", (0.5,) * dimensions, -1, 1e-9))
    return found


def _nuggets(kernel: str, degree: int) -> tuple[float, ...]:
    """Candidates for the nugget, the number added to the diagonal.

    A wide Gaussian is nearly singular: a small one keeps rounding from being multiplied into the answer. Where
    samples are too few for any tail, a large one smooths what cannot be interpolated.
    """
    if kernel in (*_SCALE_FREE, "multiquadric"):
        return (0.0,)
    return (1e-12, 1e-9) if degree > 1 else (1e-12, 1e-9, 1e-4, 1e-2, 1.0)


def refined(best: Choice, error: Callable[[Choice], float]) -> Choice:
    """Scales of single parameters, one after the other, as long as the error falls."""
    least = error(best)
    if len(best.scales) > _REFINED_PARAMETERS:
        return best
    for factor in (2.0, 1.4):
        for j in range(len(best.scales)):
            for step in (factor, 1 / factor):
                for _ in range(4):
                    scales = tuple(s * step if k == j else s for k, s in enumerate(best.scales))
                    trial = replace(best, scales=scales)
                    trial_error = error(trial)
                    if trial_error >= least:
                        break
                    best, least = trial, trial_error
    return best
