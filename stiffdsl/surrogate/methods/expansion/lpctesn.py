"""LPCTESN: every trajectory is a linear projection of one reservoir's trajectory (arXiv 2010.04004).

    y(t; p) = W(p) [1, s, x*(s), r(s)]

The projections W(p_i) of the training samples share one orthonormal basis of the reservoir's trajectory,
found by a truncated SVD; their interpolation over parameters is not of this module."""

import numpy as np

from stiffdsl.surrogate.methods.expansion import reservoir
from stiffdsl.surrogate.methods.expansion.reservoir import DESIGNS, ReservoirTrajectory
from stiffdsl.surrogate.regression.projection import Fitted, orthonormal
from stiffdsl.surrogate.regression.timebasis import TimeBasis


def time_basis(
    s: np.ndarray, reference: np.ndarray, trajectories: np.ndarray, seed: int
) -> tuple[Fitted, ReservoirTrajectory, dict[str, float]]:
    """The basis of the best of several reservoirs, that reservoir, and what was chosen.

    `reference` (m, c) drives them, `trajectories` (m, k) are what the basis must represent.
    """
    nodes, positions = reservoir.nodes_between(s)
    best: tuple[Fitted, ReservoirTrajectory, reservoir.Design] | None = None
    every = reservoir.run(DESIGNS, s, reference, nodes, seed)
    for design, driven in zip(DESIGNS, every, strict=True):
        fitted = orthonormal(functions(driven), positions, trajectories, 2 + reference.shape[1])
        if best is None or fitted.error < best[0].error:
            best = fitted, driven, design
    assert best is not None
    fitted, driven, design = best
    chosen = {
        "states": design.size,
        "rank": fitted.rank,
        "spectral radius": design.radius,
        "drive": design.drive,
        "fastest rate": design.fastest,
    }
    return fitted, driven, chosen


def functions(driven: ReservoirTrajectory) -> TimeBasis:
    """One, s, the drive and the states, as functions of time."""
    s = driven.nodes[:, None]
    one = np.ones_like(s)
    return TimeBasis(
        driven.nodes,
        np.concatenate([one, s, driven.drive, driven.states], axis=1),
        np.concatenate([np.zeros_like(s), one, driven.drive_slopes, driven.slopes], axis=1),
    )
