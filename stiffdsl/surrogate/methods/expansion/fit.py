"""Fits an expansion: functions of time by the method's way, and their coefficients over parameters."""

from collections.abc import Callable

import numpy as np

from stiffdsl.surrogate.methods.expansion import lpctesn, npctesn
from stiffdsl.surrogate.methods.expansion.expansion import Coefficients, Expansion
from stiffdsl.surrogate.methods.expansion.prepare import Prepared
from stiffdsl.surrogate.regression import neural, radial
from stiffdsl.surrogate.regression.compression import sample_modes
from stiffdsl.surrogate.regression.projection import Fitted, needed, orthonormal
from stiffdsl.surrogate.regression.timebasis import spline

# Modes are left out that all together are below this share of the interpolation's error: they cannot be seen in it. A
# trajectory of many numbers costs as much as it has modes: there it is a larger share, which changes no worst error.
_NEGLIGIBLE, _NEGLIGIBLE_IN_LARGE, _LARGE = 1e-2, 1e-1, 20_000

# A map from parameters to scores, its error on samples left out, and what was chosen for it.
Regressed = tuple[Coefficients, float, dict[str, object]]
Regression = Callable[[np.ndarray, np.ndarray, int], Regressed]
Basis = Callable[[Prepared, int], tuple[Fitted, dict[str, object]]]


def expand(
    prepared: Prepared, basis: Basis, regression: Regression, seed: int, balance: float = 0.0
) -> tuple[Expansion, dict[str, object]]:
    """Fits functions of time, then their coefficients over parameters; with what was chosen on the way.

    In the components that are regressed, an output counts by its deviation to the power 1 - `balance`.
    """
    fitted, chosen = basis(prepared, seed)
    projections = np.einsum("mk,nmg->nkg", fitted.at_times, prepared.scaled, optimize=True)
    rest = np.einsum("mk,nkg->nmg", fitted.at_times, projections, optimize=True) - prepared.scaled
    fitted, projections = needed(fitted, projections)
    n, K, g = projections.shape
    heavy = np.maximum(prepared.scaled.std((0, 1)), 1e-12) ** balance
    mean, scores, modes = sample_modes((projections / heavy).reshape(n, K * g))
    # In the mean over times and groups, a score's error is the error of a scaled output.
    weight = np.sqrt(prepared.scaled.shape[1] * g)
    coefficients, error, of_regression = regression(prepared.z, scores, seed)
    chosen |= of_regression
    tail = np.sqrt(np.cumsum(np.mean(scores**2, axis=0)[::-1])[::-1])
    large = len(prepared.s) * len(prepared.outputs.kind) > _LARGE
    rank = max(1, int(np.sum(tail > (_NEGLIGIBLE_IN_LARGE if large else _NEGLIGIBLE) * error)))
    modes, coefficients = modes[:rank], coefficients.leading(rank)
    chosen |= {
        "modes": len(modes),
        "functions": K,
        "groups": g,
        "fit error": float(np.sqrt(np.mean(rest**2))),
        "interpolation error": float(error / weight),
        "parameters": [("log" if x else "linear") for x in prepared.parameters.logarithmic],
    }
    expansion = Expansion(
        prepared.clock,
        prepared.parameters,
        prepared.outputs,
        fitted.basis,
        prepared.groups,
        mean.reshape(K, g) * heavy,
        modes.reshape(-1, K, g) * heavy,
        coefficients,
        prepared.start,
    )
    return expansion, chosen


def radial_functions(z: np.ndarray, scores: np.ndarray, seed: int) -> Regressed:
    """Interpolation by radial basis functions with a polynomial tail."""
    found, error = radial.fit(z, scores, seed)
    choice = found.choice
    return found, error, {"kernel": choice.kernel, "tail": choice.degree, "scales": list(choice.scales)}


def network(z: np.ndarray, scores: np.ndarray, seed: int, most: int = neural.STEPS) -> Regressed:
    """A polynomial, and a network for the rest, trained for `most` steps at the most."""
    found, error = neural.fit(z, scores, seed, most)
    return (
        found,
        error,
        {
            "tail": found.degree,
            "width": neural.WIDTH,
            "layers": neural.LAYERS,
            "networks": found.members,
        },
    )


def splines(prepared: Prepared, seed: int) -> tuple[Fitted, dict[str, object]]:
    """Splines through the principal components of the trajectories themselves."""
    del seed
    over_time = prepared.over_time
    positions = np.arange(len(prepared.s))
    fitted = orthonormal(spline(prepared.s, over_time), positions, over_time, cut=1e-10)
    return fitted, {"rank": fitted.rank}


def reservoir_states(prepared: Prepared, seed: int) -> tuple[Fitted, dict[str, object]]:
    """Linear projections of a reservoir's state (LPCTESN)."""
    fitted, _, chosen = lpctesn.time_basis(prepared.s, prepared.reference, prepared.over_time, seed)
    return fitted, dict(chosen)


def functions_of_reservoir_states(prepared: Prepared, seed: int) -> tuple[Fitted, dict[str, object]]:
    """Radial functions of the same reservoir's state (NPCTESN)."""
    over_time = prepared.over_time
    _, driven, _ = lpctesn.time_basis(prepared.s, prepared.reference, over_time, seed)
    fitted, chosen = npctesn.time_basis(prepared.s, driven, over_time)
    return fitted, dict(chosen)
