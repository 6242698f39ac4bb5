"""Domain of a surrogate's stated error: the box it was trained on, less the cells where the full model
failed.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.surrogate.scaling import ParameterScaling

# Rounding of a bound that a user typed is no reason to warn.
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Domain:
    """The box of `parameters`, the samples that were solved and those that failed, (n, d) and (f, d).

    The columns of an input over time, one for each knot, all have its name.
    """

    names: tuple[str, ...]
    parameters: ParameterScaling
    solved: np.ndarray
    failed: np.ndarray

    def excess(self, values: np.ndarray) -> np.ndarray:
        """(k, d): how far each value lies outside its range, in widths of the range; zero inside."""
        low, high = self.parameters.low, self.parameters.high
        over = np.maximum(np.maximum(low - values, values - high), 0.0) / (high - low)
        return np.where(np.isnan(values), np.inf, np.where(over > _SLACK, over, 0.0))

    def near_failure(self, values: np.ndarray) -> np.ndarray:
        """(k,): whether the nearest of all samples is one where the full model failed."""
        if not len(self.failed):
            return np.zeros(len(values), dtype=bool)
        at = self.parameters.scale(np, values)

        def distance(points: np.ndarray) -> np.ndarray:
            z = self.parameters.scale(np, points)
            return np.min(np.sum((at[:, None] - z[None]) ** 2, axis=-1), axis=1)

        return distance(self.failed) < distance(self.solved)

    def outside(self, values: np.ndarray) -> np.ndarray:
        """(k,): which rows the stated error does not hold for."""
        return np.any(self.excess(values) > 0, axis=1) | self.near_failure(values)

    def complaint(self, values: np.ndarray) -> str | None:
        """The complaint on `values` (k, d) outside: parameters, and by how much; None where all are inside."""
        excess = self.excess(values)
        low, high = self.parameters.low, self.parameters.high
        told: dict[str, str] = {}
        # Of an input over time, the knot that is furthest outside is told.
        columns = np.flatnonzero(np.any(excess > 0, axis=0))
        for j in columns[np.argsort(-excess.max(0)[columns], kind="stable")]:
            worst = int(np.argmax(excess[:, j]))
            told.setdefault(
                self.names[j],
                f"`{self.names[j]}` = {values[worst, j]:.6g} lies outside {low[j]:.6g}..{high[j]:.6g} "
                f"by {100 * excess[worst, j]:.3g} % of the range",
            )
        if np.any(self.near_failure(values)):
            told[""] = "the full model failed at the nearest sample"
        if not told:
            return None
        lanes = int(np.sum(self.outside(values)))
        of = f" ({lanes} of {len(values)} lanes)" if len(values) > 1 else ""
        return "; ".join(told.values()) + of


def failed_region(names: tuple[str, ...], failed: np.ndarray) -> dict[str, list[float]]:
    """The smallest box around the failed samples, for the report."""
    if not len(failed):
        return {}
    region: dict[str, list[float]] = {}
    for name, low, high in zip(names, failed.min(0), failed.max(0), strict=True):
        known = region.get(name, [np.inf, -np.inf])
        region[name] = [min(known[0], float(low)), max(known[1], float(high))]
    return region
