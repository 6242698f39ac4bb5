"""Prediction intervals by split conformal calibration: valid for any surrogate, without assuming how it errs.

Papadopoulos et al. (2002), Lei et al., JASA 113 (2018). The scores are |y - y'| in scaled outputs at each
time, over samples that took no part in training; the interval is the (n + 1) level-th smallest of n, between two of
them a straight line. It covers a new sample drawn evenly from the same box with that probability, at any one time; it
says nothing about other samples. What a set of n random ones covers of new samples differs from the level by
sqrt(level (1 - level) / n), 1.5 % for 200, less where they lie evenly (see `sample`): so both sets held out calibrate
in the end, and the coverage told is that of each by the other."""

from typing import Any

import numpy as np

LEVELS = (0.5, 0.8, 0.9, 0.95)


def calibrated(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, dict[str, object]]:
    """Half widths from both sets of errors (n, m, q), and what intervals of each of them cover of the other."""
    parts = [coverage(second, half_widths(first)), coverage(first, half_widths(second))]

    covered: dict[str, object] = {
        key: np.mean([part[key] for part in parts], axis=0).tolist()
        for key in ("levels", "measured", "by_output")
    }
    covered["whole_trajectories"] = float(np.mean([part["whole_trajectories"] for part in parts]))
    return half_widths(np.concatenate([first, second])), covered


def half_widths(errors: np.ndarray) -> np.ndarray:
    """(levels, m, q) from errors (n, m, q) in scaled outputs; infinite where n is too small for the level."""
    scores = np.sort(np.where(np.isnan(errors), np.inf, np.abs(errors)), axis=0)
    n = len(scores)
    found: list[np.ndarray] = []
    for level in LEVELS:
        rank = (n + 1) * level
        if rank > n + 1e-9:
            found.append(np.full(scores.shape[1:], np.inf))
            continue
        k = int(rank)
        below, above = scores[max(k - 1, 0)], scores[min(k, n - 1)]
        share = rank - k
        found.append(
            below if share == 0 else np.where(np.isinf(above), above, below + share * (above - below))
        )
    return np.array(found)


def coverage(errors: np.ndarray, widths: np.ndarray) -> dict[str, Any]:
    """Coverage of `errors` (n, m, q) by `widths` (levels, m, q): by level, by output, and of whole
    trajectories.
    """
    # An error of rounding only is inside of an interval of no width.
    inside = np.abs(errors)[None] <= widths[:, None] + 1e-13
    at = LEVELS.index(0.95)
    return {
        "levels": list(LEVELS),
        "measured": [float(x) for x in inside.mean(axis=(1, 2, 3))],
        "by_output": [float(x) for x in inside[at].mean(axis=(0, 1))],
        "whole_trajectories": float(inside[at].all(axis=1).mean()),
    }
