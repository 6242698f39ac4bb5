"""A reader whose predictions hold the laws of the model: the formula of a surrogate, then the step onto its laws."""

from copy import copy
from typing import Any

import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.between import Deviations, bound, moved
from stiffdsl.surrogate.core.fitted import FittedFormula, FittedReader
from stiffdsl.surrogate.core.laws import Keeper, Laws


class ConstrainedReader:
    """Reader of an expansion with laws. Outputs that laws tie to those asked for are computed too."""

    def __init__(
        self,
        expansion: FittedFormula,
        laws: Laws,
        learnt: np.ndarray,
        times: np.ndarray,
        which: np.ndarray,
    ):
        self.times, self.which = times, which
        every = laws.involved(which)
        self._inner = expansion.reader(times, every)
        self._alone = expansion.reader(times, which)
        self._lower, self._upper = laws.lower[which], laws.upper[which]
        self._outputs, self._every = expansion.outputs, every
        uncertainty = over_clock(expansion, learnt, laws.uncertainty[:, every], times)
        self._keep = Keeper(laws, expansion.outputs, uncertainty, every)
        # Before the clock's first time values come from the start: they are not scaled.
        late = (
            times >= expansion.clock.first if expansion.start is not None else np.ones(len(times), dtype=bool)
        )
        self._late = np.flatnonzero(late)

    @property
    def computed(self) -> int:
        """The number of outputs computed for those that are asked for."""
        return len(self._every)

    def moved(self, xp: Any, off: Deviations) -> Any | None:
        """The change of the formula's states by inputs between knots."""
        return moved(self._inner, xp, off)

    def bound(self, moved: Any) -> "ConstrainedReader":
        """The reader with the formula's states changed by `moved`."""
        made = copy(self)
        made._inner = bound(self._inner, moved)
        return made

    def __call__(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """x in declared units, for values in declared units."""
        return self.rows(xp, values).swapaxes(1, 2)

    def rows(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k q m"]:
        """x with the times last."""
        return self._keep(xp, values, self._inner.rows(xp, values))[:, : len(self.which)]

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """(k, m, q) y in scaled outputs."""
        y = self._inner.scaled(values)
        x = self._keep(np, values, self._inner.rows(np, values)).swapaxes(1, 2)
        moved = self._keep.moved
        at = np.ix_(np.arange(len(y)), self._late, moved)
        found = self._outputs.scale_some(x[at], self._every[moved])
        y[at] = np.where(np.isfinite(found), found, y[at])
        return y[..., : len(self.which)]

    def unscaled(self, values: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        """(k, m, q) x for what `scaled` gave, shifted or not: within the bounds of x."""
        return np.clip(self._alone.unscaled(values, scaled), self._lower, self._upper)


def over_clock(
    expansion: FittedFormula, learnt: np.ndarray, known: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """(m, q) what is `known` at the times learnt, at others: straight lines of the clock between them."""
    clock, first = expansion.clock, 1 if expansion.start is not None else 0
    at, nodes = clock.scale(np.maximum(times, clock.first)), clock.scale(learnt[first:])
    return np.stack([np.interp(at, nodes, column) for column in known[first:].T], axis=1)


def reader(
    expansion: FittedFormula,
    laws: Laws | None,
    learnt: np.ndarray,
    times: np.ndarray,
    which: np.ndarray,
) -> FittedReader:
    """The formula at `times` for the outputs numbered `which`; `learnt` are the times of the training."""
    if laws is None:
        return expansion.reader(times, which)
    return ConstrainedReader(expansion, laws, learnt, times, which)
