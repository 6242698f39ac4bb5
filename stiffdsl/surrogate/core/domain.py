"""Domain of a surrogate's stated error: the box it was trained on, less the cells where the full model failed,
and inputs of shapes like those in training that do not move between the times learnt.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.difficulty import Difficulty
from stiffdsl.surrogate.core.novelty import Shapes
from stiffdsl.surrogate.core.scaling import ParameterScaling

# Rounding of a bound that a user typed is no reason to warn.
_SLACK = 1e-9
# Rows that are judged at a time: what is needed for them stays small.
_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Domain:
    """The box of `parameters`, the samples that were solved and those that failed, (n, d) and (f, d), and the `shapes`
    of inputs with their `difficulty`.

    The columns of an input over time, one for each knot, all have its name. `hidden` (k, i) in calls says how much each
    input moves between knots, where 1 is as much as is told (`signals.read`).
    """

    names: tuple[str, ...]
    parameters: ParameterScaling
    solved: np.ndarray
    failed: np.ndarray
    shapes: Shapes | None = None
    difficulty: Difficulty | None = None

    def excess(self, xp: Any, values: Any) -> Any:
        """(k, d): how far each value lies outside its range, in widths of the range; zero inside."""
        low, high = self.parameters.low, self.parameters.high
        over = xp.maximum(xp.maximum(low - values, values - high), 0.0) / (high - low)
        return xp.where(xp.isnan(values), np.inf, xp.where(over > _SLACK, over, 0.0))

    def near_failure(self, xp: Any, values: Any) -> Any:
        """(k,): whether the nearest of all samples is one where the full model failed."""
        if not len(self.failed):
            return xp.zeros(len(values), dtype=bool)
        at = self.parameters.scale(xp, values)

        def distance(points: np.ndarray) -> Any:
            # Without the square of `at`, which both have.
            return xp.min(np.sum(points**2, axis=1) - 2 * at @ points.T, axis=1)

        solved, failed = self._scaled
        return distance(failed) < distance(solved)

    @cached_property
    def _scaled(self) -> tuple[np.ndarray, np.ndarray]:
        return self.parameters.scale(np, self.solved), self.parameters.scale(np, self.failed)

    def strange(self, xp: Any, values: Any) -> Any:
        """(k,): whether the inputs have another shape than those in training."""
        shapes = self.shapes
        if shapes is None:
            return xp.zeros(len(values), dtype=bool)
        return shapes.strange(xp, self.signals(values, shapes.inputs, shapes.knots))

    def expected(self, values: np.ndarray) -> np.ndarray:
        """(k,): how large errors are expected for the inputs in rows of values, relative to the usual."""
        shapes = self.shapes
        if shapes is None or self.difficulty is None:
            return np.ones(len(values))
        return self.difficulty(shapes.whitened(np, self.signals(values, shapes.inputs, shapes.knots)))

    def signals(self, values: Any, inputs: int, knots: int) -> Any:
        """(k, inputs, knots): the signals in rows of values, as shares of their ranges."""
        low, high = self.parameters.low, self.parameters.high
        shares = (values - low) / (high - low)
        return shares[:, values.shape[1] - inputs * knots :].reshape(len(values), inputs, knots)

    def outside(self, values: Any, hidden: Any, xp: Any = np) -> Any:
        """(k,): which rows the stated error does not hold for."""
        if xp is np and len(values) > _ROWS:
            rows = (slice(k, k + _ROWS) for k in range(0, len(values), _ROWS))
            return np.concatenate([self.outside(values[own], hidden[own]) for own in rows])
        found = xp.any(self.excess(xp, values) > 0, axis=1) | xp.any(hidden > 1, axis=1)
        return found | self.near_failure(xp, values) | self.strange(xp, values)

    def complaint(self, values: np.ndarray, hidden: np.ndarray) -> str | None:
        """The complaint on `values` (k, d) outside: parameters, and by how much; None where all are inside."""
        outside = self.outside(values, hidden)
        if not outside.any():
            return None
        lanes = f" ({int(outside.sum())} of {len(values)} lanes)" if len(values) > 1 else ""
        # A few of many lanes are enough to say why.
        few = np.flatnonzero(outside)[:_ROWS]
        values, hidden = values[few], hidden[few]
        excess = self.excess(np, values)
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
        if np.any(self.near_failure(np, values)):
            told[""] = "the full model failed at the nearest sample"
        drives = list(dict.fromkeys(self.names[::-1]))[: hidden.shape[1]][::-1]
        for name, score in zip(drives, hidden.T, strict=True):
            if np.any(score > 1):
                told[f"between {name}"] = (
                    f"`{name}` moves between the times that were learnt, where it is not read: learn more `times`"
                )
        if not told and np.any(self.strange(np, values)):
            told["shape"] = (
                "inputs change over time in another way than those that errors were measured on; "
                "train with examples of them"
            )
        return "; ".join(told.values()) + lanes


def failed_region(names: tuple[str, ...], failed: np.ndarray) -> dict[str, list[float]]:
    """The smallest box around the failed samples, for the report."""
    if not len(failed):
        return {}
    region: dict[str, list[float]] = {}
    for name, low, high in zip(names, failed.min(0), failed.max(0), strict=True):
        known = region.get(name, [np.inf, -np.inf])
        region[name] = [min(known[0], float(low)), max(known[1], float(high))]
    return region
