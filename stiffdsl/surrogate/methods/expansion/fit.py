"""Fits an expansion: functions of time by the method's way, and their coefficients over parameters."""

import numpy as np

from stiffdsl.surrogate.methods.expansion import lpctesn, npctesn
from stiffdsl.surrogate.methods.expansion.expansion import Expansion
from stiffdsl.surrogate.methods.expansion.prepare import Prepared
from stiffdsl.surrogate.regression import neural, radial
from stiffdsl.surrogate.regression.compression import sample_modes
from stiffdsl.surrogate.regression.projection import Fitted, needed, orthonormal
from stiffdsl.surrogate.regression.timebasis import spline

# Modes are left out that all together are below this share of the interpolation's error: they cannot be seen in it. A
# trajectory of many numbers costs as much as it has modes: there it is a larger share, which changes no worst error.
_NEGLIGIBLE, _NEGLIGIBLE_IN_LARGE, _LARGE = 1e-2, 1e-1, 20_000


def expand(prepared: Prepared, method: str, seed: int) -> tuple[Expansion, dict[str, object]]:
    """Fits functions of time, then their coefficients over parameters; with what was chosen on the way."""
    fitted, chosen = _time_basis(prepared, method, seed)
    projections = np.einsum("mk,nmg->nkg", fitted.at_times, prepared.scaled, optimize=True)
    rest = np.einsum("mk,nkg->nmg", fitted.at_times, projections, optimize=True) - prepared.scaled
    fitted, projections = needed(fitted, projections)
    n, K, g = projections.shape
    mean, scores, modes = sample_modes(projections.reshape(n, K * g))
    # In the mean over times and groups, a score's error is the error of a scaled output.
    weight = np.sqrt(prepared.scaled.shape[1] * g)
    coefficients: radial.RadialMap | neural.Network
    if method == "neural":
        coefficients, error = neural.fit(prepared.z, scores, seed)
        chosen |= {"tail": coefficients.degree, "width": neural.WIDTH, "layers": neural.LAYERS}
    else:
        coefficients, error = radial.fit(prepared.z, scores, seed)
        choice = coefficients.choice
        chosen |= {"kernel": choice.kernel, "tail": choice.degree, "scales": list(choice.scales)}
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
        mean.reshape(K, g),
        modes.reshape(-1, K, g),
        coefficients,
        prepared.start,
    )
    return expansion, chosen


def _time_basis(prepared: Prepared, method: str, seed: int) -> tuple[Fitted, dict[str, object]]:
    over_time = prepared.over_time
    if method in ("lpctesn", "npctesn"):
        fitted, driven, chosen = lpctesn.time_basis(prepared.s, prepared.reference, over_time, seed)
        if method == "npctesn":
            fitted, chosen = npctesn.time_basis(prepared.s, driven, over_time)
        return fitted, dict(chosen)
    # Splines through the principal components of the trajectories themselves.
    positions = np.arange(len(prepared.s))
    fitted = orthonormal(spline(prepared.s, over_time), positions, over_time, cut=1e-10)
    return fitted, {"rank": fitted.rank}
