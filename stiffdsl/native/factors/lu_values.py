"""Pivots by values: whether an order of elimination serves for some matrices, and one that does.

Such an order is found as Markowitz's, among entries that are not small beside the others of their row in any of the
matrices, which are eliminated along (threshold pivoting: Duff, Erisman and Reid, Direct Methods for Sparse Matrices,
2nd ed., 2017, section 5.2).
"""

import warnings

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import splu

from stiffdsl.native.factors.lu_elimination import Elimination

# The residual that a solve may leave, relative to its terms: well below what a step takes for bad pivots
# (`attempt.py`).
LEFT_OVER = 1e-10
# A pivot is at least so large beside the largest of its row, in every matrix.
THRESHOLD = 0.02
# Rows with an entry that serves which are looked at for the cheapest one, and multiplications that are worth it.
SEARCHED, MOST = 6, 100_000


def serves(plan: Elimination, values: np.ndarray) -> bool:
    """Whether the pivots of a plan solve with the entries `values` of W, up to rounding. A singular W says nothing."""
    row, column = np.argsort(plan.row), np.argsort(plan.column)
    at = row[plan.pattern_rows], column[plan.pattern_columns]
    matrix = scipy.sparse.csc_matrix((values, at), shape=(plan.n, plan.n))
    options = {"Equil": False, "ColPerm": "NATURAL"}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            factors = splu(matrix, permc_spec="NATURAL", diag_pivot_thresh=0.0, options=options)
        except RuntimeError:  # exactly singular
            return True
        x = factors.solve(np.ones(plan.n))
        left = np.abs(matrix @ x - 1.0)
        terms = abs(matrix) @ np.abs(x) + 1.0
        planned = np.array_equal(factors.perm_r, np.arange(plan.n))
        return planned and bool(np.all(left <= LEFT_OVER * terms))


def ordered(
    n: int, rows: np.ndarray, columns: np.ndarray, matrices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """For the entries `matrices[k]` at `rows`, `columns`: the row of each column's pivot, the columns in the order of
    elimination, and the pattern of the factors in that order, row by row; None where it takes too much."""
    largest = np.zeros((len(matrices), n))
    for k, values in enumerate(matrices):
        np.maximum.at(largest[k], rows, np.abs(values))
    scaled = matrices / np.where(largest > 0, largest, 1.0)[:, rows]
    of_row: list[dict[int, np.ndarray]] = [{} for _ in range(n)]
    of_column: list[set[int]] = [set() for _ in range(n)]
    for e, (i, j) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        of_row[i][j] = scaled[:, e]
        of_column[j].add(i)
    by_count: list[set[int]] = [set() for _ in range(n + 1)]
    for i in range(n):
        by_count[len(of_row[i])].add(i)
    order, row_of, work = [], np.empty(n, dtype=np.int64), 0
    kept: list[tuple[list[int], list[int]]] = []
    for _ in range(n):
        found = _cheapest(by_count, of_row, of_column)
        if found is None:
            return None
        i, j = found
        own = of_row[i]
        by_count[len(own)].discard(i)
        pivot = own.pop(j)
        others = sorted(of_column[j] - {i})
        for c in own:
            of_column[c].discard(i)
        order.append(j)
        row_of[j] = i
        kept.append((others, list(own)))
        work += len(others) * len(own)
        if work > MOST:
            return None
        for other in others:
            target = of_row[other]
            by_count[len(target)].discard(other)
            multiplier = target.pop(j) / pivot
            for c, value in own.items():
                before = target.get(c)
                target[c] = -multiplier * value if before is None else before - multiplier * value
                if before is None:
                    of_column[c].add(other)
            by_count[len(target)].add(other)
        of_column[j] = set()
    return row_of, np.array(order, dtype=np.int64), *_pattern(n, order, row_of, kept)


def _cheapest(
    by_count: list[set[int]], of_row: list[dict[int, np.ndarray]], of_column: list[set[int]]
) -> tuple[int, int] | None:
    best, cost, looked = None, None, 0
    for count, some in enumerate(by_count):
        if cost is not None and (looked >= SEARCHED or cost <= (count - 1) ** 2):
            break
        for i in sorted(some)[: 4 * SEARCHED]:
            entries = of_row[i]
            if not entries:
                return None
            sizes = np.abs(np.array(list(entries.values())))
            good = np.all(sizes >= THRESHOLD * sizes.max(axis=0), axis=1) & np.all(sizes > 0, axis=1)
            for j, fits in zip(entries, good.tolist(), strict=True):
                own = (len(entries) - 1) * (len(of_column[j]) - 1)
                if fits and (cost is None or own < cost):
                    best, cost = (i, j), own
            looked += bool(np.any(good))
            if looked >= SEARCHED or cost == 0:
                break
    return best


def _pattern(
    n: int, order: list[int], row_of: np.ndarray, kept: list[tuple[list[int], list[int]]]
) -> tuple[np.ndarray, np.ndarray]:
    of_column, of_row = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    of_column[order] = np.arange(n)
    of_row[row_of[order]] = np.arange(n)
    entries = [k * (n + 1) for k in range(n)]
    for k, (below, right) in enumerate(kept):
        entries += [int(of_row[i]) * n + k for i in below]
        entries += [k * n + int(of_column[j]) for j in right]
    stored = np.sort(np.array(entries, dtype=np.int64))
    return stored // n, stored % n
