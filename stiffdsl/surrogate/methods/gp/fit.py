"""Hyperparameters of Gaussian processes by their marginal likelihood, and the processes given all samples."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky
from scipy.optimize import minimize

from stiffdsl.surrogate.methods.gp.posterior import PosteriorMean, matern, squared

# Components that have hyperparameters of their own; those after them share theirs, found for so many of them.
_OWN, _SHARED = 10, 12
# Samples that hyperparameters are found from: a step of the search costs the cube of their number.
_SELECTION_SAMPLES = 256
_STEPS = 60
# Bounds and beginnings of the scales of parameters, and of the variances: of the kernel, linear, and of the noise. The
# range of a parameter is two, and a component has variance one.
_SCALE = 1e-3, 0.5, 20.0
_VARIANCES = (1e-4, 1.0, 1e4), (1e-8, 0.1, 1e3), (1e-9, 1e-3, 1.0)
# The logarithm of a scale is taken to be so uncertain beforehand.
_SPREAD = 2.0
_JITTER = 1e-10


@dataclass(frozen=True, eq=False)
class Hyperparameters:
    """`scales` (d,) of the parameters, and the variances of kernel, linear part and noise."""

    scales: np.ndarray
    kernel: float
    linear: float
    noise: float

    @classmethod
    def of(cls, logarithms: np.ndarray) -> "Hyperparameters":
        values = np.exp(logarithms)
        return cls(values[:-3], *map(float, values[-3:]))

    def covariance(self, z: np.ndarray) -> np.ndarray:
        """(n, n) of the samples, with their noise."""
        scaled = z * self.scales
        of_kernel = self.kernel * matern(np, squared(np, scaled, scaled))
        noise = (self.noise + _JITTER * self.kernel) * np.eye(len(z))
        return of_kernel + self.linear * (1 + z @ z.T) + noise


def regress(z: np.ndarray, values: np.ndarray, seed: int) -> tuple[PosteriorMean, float, dict[str, object]]:
    """The processes for `values` (n, r) at z (n, d), their error at samples left out, and what was chosen."""
    size = np.maximum(np.sqrt(np.mean(values**2, axis=0)), 1e-300)
    y = values / size
    some = np.sort(np.random.default_rng([seed, 14]).permutation(len(z))[:_SELECTION_SAMPLES])
    groups = [slice(k, k + 1) for k in range(min(_OWN, y.shape[1]))]
    if y.shape[1] > _OWN:
        groups.append(slice(_OWN, y.shape[1]))
    found, parts, errors = [], [], []
    for group in groups:
        own = likeliest(z[some], y[some, group][:, :_SHARED], found[-1] if found else None)
        inverse = cho_solve((cholesky(own.covariance(z), lower=True), True), np.eye(len(z)))
        weights = inverse @ y[:, group]
        found.append(own)
        parts.append(weights * size[group])
        errors.append(weights / np.diag(inverse)[:, None] * size[group])
    counts = np.array([group.stop - group.start for group in groups])
    of_kernel, of_line = (
        np.repeat([getattr(h, name) for h in found], counts) for name in ("kernel", "linear")
    )
    whole = np.concatenate(parts, axis=1)
    made = PosteriorMean(
        z,
        np.stack([h.scales for h in found]),
        counts,
        whole * of_kernel,
        z.T @ whole * of_line,
        whole.sum(0) * of_line,
    )
    left_out = np.sum(np.concatenate(errors, axis=1) ** 2, axis=1)
    return (
        made,
        float(np.mean(left_out**2)) ** 0.25,
        {
            "scales": [float(s) for s in found[0].scales],
            "noise": float(np.sqrt(found[0].noise)),
        },
    )


def likeliest(z: np.ndarray, y: np.ndarray, begin: Hyperparameters | None) -> Hyperparameters:
    """The hyperparameters that make the components y (n, c), of variance one, likeliest; `begin` is tried first."""
    d = z.shape[1]
    table = np.log([_SCALE] * d + list(_VARIANCES))
    starts = [table[:, 1]]
    if begin is not None:
        starts.append(np.log([*begin.scales, begin.kernel, begin.linear, begin.noise]))
    apart = (z[:, None, :] - z) ** 2

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        return unlikelihood(x, z, apart, y)

    first = min(starts, key=lambda x: loss(x)[0])
    bounds = list(zip(table[:, 0], table[:, 2], strict=True))
    found = minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    return Hyperparameters.of(found.x)


def unlikelihood(x: np.ndarray, z: np.ndarray, apart: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The negative logarithm of the likelihood of y (n, c) and of the scales, for a component, and its gradient.

    `x` are logarithms of hyperparameters, `apart` (n, n, d) squared differences of z.
    """
    own = Hyperparameters.of(x)
    n, c = y.shape
    r = np.sqrt(5 * (apart @ own.scales**2))
    decay = np.exp(-r)
    of_kernel = own.kernel * (1 + r + r * r / 3) * decay
    line = own.linear * (1 + z @ z.T)
    noise = own.noise + _JITTER * own.kernel
    try:
        factor = cholesky(of_kernel + line + noise * np.eye(n), lower=True)
    except LinAlgError:
        return 1e10, np.zeros_like(x)
    inverse = cho_solve((factor, True), np.eye(n))
    weights = inverse @ y
    beside = x[:-3] - np.log(_SCALE[1])
    value = 0.5 * np.sum(y * weights) / c + np.sum(np.log(np.diag(factor)))
    value += 0.5 * np.sum(beside**2) / _SPREAD**2
    # The derivative of the value with the covariance.
    slope = 0.5 * (inverse - weights @ weights.T / c)
    of_scales = -5 / 3 * own.kernel * (slope * (1 + r) * decay).reshape(-1) @ apart.reshape(n * n, -1)
    trace = np.trace(slope)
    return float(value), np.concatenate(
        [
            of_scales * own.scales**2 + beside / _SPREAD**2,
            [
                np.sum(slope * of_kernel) + _JITTER * own.kernel * trace,
                np.sum(slope * line),
                own.noise * trace,
            ],
        ]
    )
