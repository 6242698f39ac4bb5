"""Inputs between the knots of a surrogate: signals less their straight lines, for formulas that read them there.

A surrogate knows an input by its values at the knots of its task, but a user's table has times of its own: weather by
the hour beside knots 3,039 s apart. The deviation of such a signal from the straight lines between knots is piecewise
linear too; a formula whose states respond linearly to inputs adds the response to it, exactly."""

from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from jaxtyping import Float

# A knot interval is divided into so many, where signals are drawn that bend between knots.
REFINED = 4


@dataclass(frozen=True, eq=False)
class Deviations:
    """Deviations of inputs from the straight lines between knots, in declared units.

    Of each input, `values` (k or 1, n) at `times` (n,), which ascend (a jump has its time twice); straight between
    them, zero outside; None for an input that bends at knots alone.
    """

    times: tuple[np.ndarray, ...]
    values: tuple[Any, ...]

    def some(self, lanes: np.ndarray) -> "Deviations":
        """The deviations of some lanes."""
        return Deviations(self.times, tuple(v if v is None or len(v) == 1 else v[lanes] for v in self.values))


@runtime_checkable
class ReadsBetween(Protocol):
    """A reader of a formula that takes inputs between knots."""

    def moved(self, xp: Any, off: Deviations) -> Float[Any, "k m f"] | None:
        """The change of the formula's states; None where its formula has none that respond linearly."""
        ...

    def bound(self, moved: Any) -> Self:
        """The reader with its states changed by `moved`."""
        ...


def moved(formula: Any, xp: Any, off: Deviations | None) -> Any | None:
    """The change of the states of `formula` by `off`; None where there is nothing between knots, or it is not read."""
    if off is None or not isinstance(formula, ReadsBetween):
        return None
    return formula.moved(xp, off)


def bound(formula: Any, change: Any | None) -> Any:
    """`formula` with its states changed by what `moved` gave."""
    return formula if change is None else formula.bound(change)


def refined(knots: np.ndarray, pieces: int = REFINED) -> np.ndarray:
    """`knots` with `pieces` - 1 times more between each two, equally far apart."""
    share = np.arange(pieces) / pieces
    inner = knots[:-1, None] + share * np.diff(knots)[:, None]
    return np.append(inner.ravel(), knots[-1])


def divided(xp: Any, signals: Any, pieces: int) -> tuple[Any, Any]:
    """Signals (…, F) at refined knots as their values at knots (…, M) and their deviations (…, F)."""
    at = signals[..., ::pieces]
    share = np.arange(pieces) / pieces
    lines = at[..., :-1, None] * (1 - share) + at[..., 1:, None] * share
    lines = xp.concatenate([lines.reshape(*at.shape[:-1], -1), at[..., -1:]], axis=-1)
    return at, signals - lines


def straight(times: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """(len(times), len(knots)): from values at knots to those at times, straight between knots."""
    piece, rows = piece_of(times, knots), np.arange(len(times))
    share = np.clip((times - knots[piece]) / (knots[piece + 1] - knots[piece]), 0.0, 1.0)
    found = np.zeros((len(times), len(knots)))
    found[rows, piece] = 1 - share
    found[rows, piece + 1] += share
    return found


def piece_of(times: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """The numbers of the knot intervals that hold `times`."""
    return np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
