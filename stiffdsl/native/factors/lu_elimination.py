"""The order in which unknowns are eliminated from `W = alpha M - J`, and the entries of its factors."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stiffdsl.native.ir.form import FORM, Form


@dataclass(frozen=True, eq=False)
class Elimination:
    """The order of elimination, and where factors have entries: pivot k is entry (row[k], column[k]) of W.

    Stored entries are numbered row by row: entry e of the factors is at (left[e], top[e]), both places in the order
    of elimination. The pivots themselves are stored inverted.
    `pattern_rows`, `pattern_columns`: where W itself has entries, in its own numbering; `source[e]` says for each
    whether it holds a value of J (its number, else -1), `mass` whether alpha M adds to it. `form`:
    sizes by which factors are written.
    """

    n: int
    row: np.ndarray
    column: np.ndarray
    left: np.ndarray
    top: np.ndarray
    pattern_rows: np.ndarray
    pattern_columns: np.ndarray
    source: np.ndarray
    mass: np.ndarray
    multiplications: int
    form: Form = FORM

    @property
    def entries(self) -> int:
        """Entries of the factors."""
        return len(self.left)

    @cached_property
    def place(self) -> np.ndarray:
        """`place[k, l]` is the number of that entry, or -1: of a plan that is written out."""
        place = np.full((self.n, self.n), -1, dtype=np.int64)
        place[self.left, self.top] = np.arange(self.entries)
        return place

    def below(self, k: int) -> list[int]:
        """Rows after pivot k with an entry in its column."""
        return [k + 1 + int(i) for i in np.flatnonzero(self.place[k + 1 :, k] >= 0)]

    def right(self, k: int) -> list[int]:
        """Columns after pivot k with an entry in its row."""
        return [k + 1 + int(j) for j in np.flatnonzero(self.place[k, k + 1 :] >= 0)]

    @property
    def positions(self) -> np.ndarray:
        """The position of each entry of W in the array of factors."""
        inverse_row, inverse_column = np.empty_like(self.row), np.empty_like(self.column)
        inverse_row[self.row] = np.arange(self.n)
        inverse_column[self.column] = np.arange(self.n)
        at = inverse_row[self.pattern_rows] * self.n + inverse_column[self.pattern_columns]
        return np.searchsorted(self.left * self.n + self.top, at)
