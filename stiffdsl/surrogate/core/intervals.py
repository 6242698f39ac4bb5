"""Prediction intervals by split conformal calibration: valid for any surrogate, without assuming how it errs.

Papadopoulos et al. (2002), Lei et al., JASA 113 (2018). The scores are |y - y'| in scaled outputs at each
time, over samples that took no part in training; the interval is the (n + 1) level-th smallest of n, between two of
them a straight line. It covers a new sample drawn evenly from the same box with that probability, at any one time; it
says nothing about other samples. What a set of n random ones covers of new samples differs from the level by
sqrt(level (1 - level) / n), 1.5 % for 200, less where they lie evenly (see `sample`): so both sets held out calibrate
in the end, and the coverage told is that of each by the other.

Inputs that bend between the knots of a surrogate are not wholly read: their errors are another population, which is
calibrated by itself (Mondrian conformal prediction: Vovk, Lindsay, Nouretdinov, Gammerman 2003)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

LEVELS = (0.5, 0.8, 0.9, 0.95)
# Inputs that move less between knots than this share of what is allowed move at knots alone.
STILL = 0.02
# At least so many samples of a kind have widths of their own.
_LEAST = 20


@dataclass(frozen=True, eq=False)
class Widths:
    """Half widths (levels, m, q) of intervals in scaled outputs: those of inputs that bend `at_knots` alone, and what
    is added for each unit that inputs move `between` knots."""

    at_knots: np.ndarray
    between: np.ndarray

    def of(self, level: int, hidden: float) -> np.ndarray:
        """(m, q) of the level with that number, where inputs move `hidden` between knots."""
        return self.at_knots[level] + hidden * self.between[level]


@dataclass(frozen=True, eq=False)
class Scores:
    """Errors (n, m, q) in scaled outputs, over the size that is expected for the inputs of each sample, and how much
    these move between knots (n,)."""

    errors: np.ndarray
    hidden: np.ndarray


def calibrated(first: Scores, second: Scores) -> tuple[Widths, dict[str, object]]:
    """Half widths from both sets of errors, and what intervals of each of them cover of the other."""
    parts = [coverage(second, half_widths(first)), coverage(first, half_widths(second))]

    covered: dict[str, object] = {
        key: np.mean([part[key] for part in parts], axis=0).tolist()
        for key in ("levels", "measured", "by_output")
    }
    covered["whole_trajectories"] = float(np.mean([part["whole_trajectories"] for part in parts]))
    errors, hidden = (
        np.concatenate([first.errors, second.errors]),
        np.concatenate([first.hidden, second.hidden]),
    )
    return half_widths(Scores(errors, hidden)), covered


def half_widths(scores: Scores) -> Widths:
    """Half widths from errors; what is added between knots is calibrated on what it is added to."""
    errors = np.where(np.isnan(scores.errors), np.inf, np.abs(scores.errors))
    still = scores.hidden < STILL
    if still.sum() < _LEAST or (~still).sum() < _LEAST:
        at_knots = _quantiles(errors)
        return Widths(at_knots, np.zeros_like(at_knots))
    at_knots = _quantiles(errors[still])
    between = np.zeros_like(at_knots)
    for k, width in enumerate(at_knots):
        with np.errstate(invalid="ignore"):
            more = (errors[~still] - width) / scores.hidden[~still, None, None]
        between[k] = np.maximum(_quantiles(np.where(np.isnan(more), 0.0, more))[k], 0.0)
    return Widths(at_knots, between)


def _quantiles(errors: np.ndarray) -> np.ndarray:
    """(levels, m, q) from errors (n, m, q); infinite where n is too small for the level."""
    scores = np.sort(errors, axis=0)
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


def coverage(scores: Scores, widths: Widths) -> dict[str, Any]:
    """Coverage of errors by `widths`: by level, by output, and of whole trajectories."""
    # An error of rounding only is inside of an interval of no width.
    added = scores.hidden[:, None, None] * widths.between[:, None]
    inside = np.abs(scores.errors)[None] <= widths.at_knots[:, None] + added + 1e-13
    at = LEVELS.index(0.95)
    return {
        "levels": list(LEVELS),
        "measured": [float(x) for x in inside.mean(axis=(1, 2, 3))],
        "by_output": [float(x) for x in inside[at].mean(axis=(0, 1))],
        "whole_trajectories": float(inside[at].all(axis=1).mean()),
    }
