"""Patterns of the factors of `W = alpha M - J` with static pivots, and their order: complete fill, or little.

Rows are matched to columns so that every pivot has an entry. Incomplete factors take them in the order of reverse
Cuthill-McKee: cells of a grid that touch lie close to each other, and incomplete factors in it are good preconditioners
(Benzi, J. Comput. Phys. 182:418, 2002). Fill is kept by its level: an entry that elimination makes out of entries of
levels a and b has the level a + b + 1 (Saad, Iterative Methods for Sparse Linear Systems, 2003, section 10.3).
Complete factors take the order of `ordering.py`, which fills little and makes few levels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import maximum_bipartite_matching, reverse_cuthill_mckee

from stiffdsl.solve.linear.ordering import eliminate


@dataclass(frozen=True, eq=False)
class RowEntries:
    """Entries by rows: those of row i are `start[i] ... start[i + 1] - 1`, in ascending columns `top`."""

    start: np.ndarray
    top: np.ndarray

    @property
    def row(self) -> np.ndarray:
        """The row of every entry."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int32), np.diff(self.start))

    def find(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """The numbers of entries, -1 where there is none."""
        n = len(self.start) - 1
        keys = self.row.astype(np.int64) * n + self.top
        wanted = row.astype(np.int64) * n + column
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[found] == wanted, found, -1)


@dataclass(frozen=True, eq=False)
class Pattern:
    """W in the order of elimination: its i-th row and column are row `row[i]` and column `column[i]` of the system.

    Value k of J lies at entry `place[k]` of `matrix`; alpha times `mass` is added at the entries `diagonal`. `factors`
    has the entries of L and U, `pivot` those of its diagonal, and entry e of the matrix is entry `where[e]` there.
    """

    row: np.ndarray
    column: np.ndarray
    matrix: RowEntries
    place: np.ndarray
    diagonal: np.ndarray
    mass: np.ndarray
    factors: RowEntries
    pivot: np.ndarray
    where: np.ndarray

    @property
    def size(self) -> int:
        return len(self.row)


def pattern(rows: np.ndarray, columns: np.ndarray, mass: np.ndarray, level: int) -> Pattern:
    """For J with entries at `rows`, `columns` and the diagonal `mass` of M; fill up to `level`."""
    w, matched = _diagonal_filled(rows, columns, mass)
    order = reverse_cuthill_mckee(sp.csr_matrix(w + w.T), symmetric_mode=True)
    return _pattern(rows, columns, mass, matched, order, lambda matrix, _: _filled(matrix, level))


def complete_pattern(rows: np.ndarray, columns: np.ndarray, mass: np.ndarray, most: float) -> Pattern | None:
    """With all that fills; None where a factorization would take more than `most` multiplications."""
    w, matched = _diagonal_filled(rows, columns, mass)
    entries = sp.coo_array(w)
    found = eliminate(entries.row, entries.col, len(mass), most)
    if found.order is None:
        return None

    def all_that_fills(matrix: RowEntries, place: np.ndarray) -> sp.csr_array:
        n, one, other = len(mass), place[found.pivot], place[found.beside]
        inside = np.arange(n)
        return _csr(np.r_[matrix.row, one, other, inside], np.r_[matrix.top, other, one, inside], n)

    return _pattern(rows, columns, mass, matched, found.order, all_that_fills)


def _diagonal_filled(
    rows: np.ndarray, columns: np.ndarray, mass: np.ndarray
) -> tuple[sp.csr_array, np.ndarray]:
    """W with its rows in an order in which the diagonal is full, and that order."""
    states = np.flatnonzero(mass)
    whole = _csr(np.r_[rows, states], np.r_[columns, states], len(mass))
    matched = _matched(whole)
    return whole[matched], matched


def _pattern(
    rows: np.ndarray,
    columns: np.ndarray,
    mass: np.ndarray,
    matched: np.ndarray,
    order: np.ndarray,
    filled: Callable[[RowEntries, np.ndarray], sp.csr_array],
) -> Pattern:
    """`filled` gives the entries of the factors for those of W in `order`, and the place of every column in it."""
    n = len(mass)
    rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    states = np.flatnonzero(mass)
    row, column = matched[order], order.astype(np.int64)
    row_place, column_place = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    row_place[row], column_place[column] = np.arange(n), np.arange(n)
    matrix = _rows(_csr(row_place[np.r_[rows, states]], column_place[np.r_[columns, states]], n))
    factors = _rows(filled(matrix, column_place))
    inside = np.arange(n)
    return Pattern(
        row.astype(np.int32),
        column.astype(np.int32),
        matrix,
        matrix.find(row_place[rows], column_place[columns]).astype(np.int32),
        matrix.find(row_place[states], column_place[states]).astype(np.int32),
        np.asarray(mass, dtype=float)[states],
        factors,
        factors.find(inside, inside).astype(np.int32),
        factors.find(matrix.row, matrix.top).astype(np.int32),
    )


def _csr(rows: np.ndarray, columns: np.ndarray, n: int) -> sp.csr_array:
    found = sp.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    found.sum_duplicates()
    return found


def _rows(entries: sp.csr_array) -> RowEntries:
    entries.sort_indices()
    return RowEntries(entries.indptr.astype(np.int32), entries.indices.astype(np.int32))


def _matched(whole: sp.csr_array) -> np.ndarray:
    """The row that takes its pivot from each column."""
    n = len(whole.indptr) - 1
    own = np.arange(n)
    if np.all(whole.diagonal()):
        return own
    matched = maximum_bipartite_matching(sp.csr_matrix(whole), perm_type="row")
    # In a structurally singular matrix any row will do for the columns without a match.
    matched = matched.astype(np.int64)
    matched[matched < 0] = np.setdiff1d(own, matched)
    return matched


def _filled(matrix: RowEntries, level: int) -> sp.csr_array:
    n = len(matrix.start) - 1
    entries = sp.csr_array((np.ones(len(matrix.top)), matrix.top, matrix.start), shape=(n, n))
    entries = _once(entries + sp.eye_array(n, format="csr"))
    by_level = [entries]
    for q in range(1, level + 1):
        made = sum(
            (sp.tril(by_level[a], -1) @ sp.triu(by_level[q - 1 - a], 1) for a in range(q)),
            sp.csr_array((n, n)),
        )
        more = _once(sp.csr_array(made))
        more = _once(more - more.multiply(entries))
        entries = _once(entries + more)
        by_level.append(more)
    return entries


def _once(entries: sp.csr_array) -> sp.csr_array:
    """With ones at all entries that are not zero."""
    entries = sp.csr_array(entries)
    entries.sum_duplicates()
    entries.eliminate_zeros()
    entries.data[:] = 1.0
    return entries
