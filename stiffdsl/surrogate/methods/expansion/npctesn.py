"""NPCTESN: a nonlinear projection, radial basis functions of the reservoir's state (arXiv 2010.04004,
2312.01056).

    y(t; p) = sum_c beta_c(p) phi(|rho(s) - rho_c| / w) + B(p) [1, rho(s)]

rho are the leading principal components of the reservoir's trajectory, the centres rho_c lie along it at
equal distances, and the width w is chosen at times left out of the fit. The coefficients beta(p) and B(p) are
interpolated over parameters like the projections of LPCTESN."""

import numpy as np

from stiffdsl.surrogate.methods.expansion.reservoir import ReservoirTrajectory, nodes_between
from stiffdsl.surrogate.regression.projection import Fitted, orthonormal
from stiffdsl.surrogate.regression.timebasis import TimeBasis, spline

COMPONENTS = 12
_LEAST_COMPONENT = 1e-3
WIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0)
CENTRES = 100


def time_basis(
    s: np.ndarray, driven: ReservoirTrajectory, trajectories: np.ndarray
) -> tuple[Fitted, dict[str, float]]:
    """The basis of radial functions of `driven`'s state that represents `trajectories` (m, k) best."""
    _, positions = nodes_between(s)
    components = principal(driven)
    centres = along(components, min(CENTRES, len(s) // 2))
    spacing = float(np.median(np.linalg.norm(np.diff(centres, axis=0), axis=1)))
    best: tuple[Fitted, float] | None = None
    for width in WIDTHS:
        fitted = orthonormal(functions(driven, components, centres, width * spacing), positions, trajectories)
        if best is None or fitted.error < best[0].error:
            best = fitted, width
    assert best is not None
    fitted, width = best
    return fitted, {
        "states": driven.states.shape[1],
        "components": components.shape[1],
        "centres": len(centres),
        "width": width,
        "rank": fitted.rank,
    }


def principal(driven: ReservoirTrajectory) -> np.ndarray:
    """(M, j) leading principal components of the drive and the states, each of unit size."""
    whole = np.concatenate([driven.drive, driven.states], axis=1)
    U, sigma, _ = np.linalg.svd(whole - whole.mean(0), full_matrices=False)
    count = max(1, min(COMPONENTS, int(np.sum(sigma > _LEAST_COMPONENT * sigma[0]))))
    weights = np.sqrt(sigma[:count] / sigma[0])
    return U[:, :count] / np.max(np.abs(U[:, :count]), axis=0) * weights


def along(path: np.ndarray, count: int) -> np.ndarray:
    """`count` points of a path (M, j), at equal distances along it."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    wanted = np.linspace(0.0, length[-1], count)
    return np.stack([np.interp(wanted, length, column) for column in path.T], axis=1)


def functions(
    driven: ReservoirTrajectory, components: np.ndarray, centres: np.ndarray, width: float
) -> TimeBasis:
    """The radial functions, one, s and the components, splined over the nodes."""
    squared = np.sum((components[:, None] - centres[None]) ** 2, axis=-1)
    s = driven.nodes[:, None]
    values = np.concatenate([np.ones_like(s), s, components, np.sqrt(1 + squared / width**2)], axis=1)
    return spline(driven.nodes, values)
