"""An order of elimination that fills little and makes few levels: independent unknowns of small degree go together.

Round after round, an independent set of unknowns with (nearly) the fewest neighbours is eliminated, and its
neighbours are joined (Liu, ACM TOMS 11:141, 1985: multiple minimum degree; the sets follow Luby, SIAM J. Comput.
15:1036, 1986). What it costs is known before any number is.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra

# Unknowns go together whose degrees exceed the least by this factor at most.
NEAR = 1.3
# A rest with this share of entries is taken as full.
FULL = 0.6
# For an estimate, unknowns with so few neighbours are eliminated as long as they are this share of all; and a grid
# whose levels have the width w takes so many times w^3 multiplications (measured on squares, a torus and cubes).
FEW, LEAST_SHARE = 4, 0.02
GRID = 75.0


@dataclass(frozen=True, eq=False)
class EliminationOrder:
    """`order` of elimination, and the multiplications that a factorization in it takes: `math.inf`, and no order,
    where there would be more than were allowed.

    When unknown `pivot[k]` is eliminated, `beside[k]` is one of its neighbours: L and U have an entry for each pair.
    """

    order: np.ndarray | None
    multiplications: float
    pivot: np.ndarray
    beside: np.ndarray


_NONE = np.zeros(0, dtype=np.int64)


def eliminate(rows: np.ndarray, columns: np.ndarray, n: int, most: float = np.inf) -> EliminationOrder:
    """For a matrix with entries at `rows`, `columns`, taken as symmetric, and on its diagonal."""
    rest = _graph(rows, columns, n)
    number = np.arange(n)
    chance = np.random.default_rng(0).permutation(n)
    order, work = [], 0.0
    pivots, besides = [_NONE], [_NONE]
    while len(number):
        m = len(number)
        if rest.nnz > FULL * m * (m - 1):
            work += sum(float(k) * k for k in range(m))
            order.append(number)
            if work <= most:
                first, second = np.triu_indices(m, 1)
                pivots.append(number[first])
                besides.append(number[second])
            break
        degree = np.diff(rest.indptr)
        first = _independent(rest, degree, chance[number])
        work += float(np.sum(degree[first].astype(float) ** 2))
        if work > most:
            return EliminationOrder(None, np.inf, _NONE, _NONE)
        order.append(number[first])
        neighbours = sp.csr_array(rest[first])
        pivots.append(np.repeat(number[first], np.diff(neighbours.indptr)))
        besides.append(number[neighbours.indices])
        rest, kept = _without(rest, first)
        number = number[kept]
    if work > most:
        return EliminationOrder(None, np.inf, _NONE, _NONE)
    order = np.concatenate(order) if order else number
    return EliminationOrder(order, work, np.concatenate(pivots), np.concatenate(besides))


def estimate(rows: np.ndarray, columns: np.ndarray, n: int) -> float:
    """About the multiplications of a factorization in the best order, soon: to a factor of some five.

    Unknowns with few neighbours are eliminated (chains, trees and stars are gone then); what is left is taken for a
    grid, which has separators as small as the levels of a breadth-first search are wide.
    """
    rest, work = _graph(rows, columns, n), 0.0
    chance = np.random.default_rng(0).permutation(n)
    while len(rest.indptr) > 1:
        degree = np.diff(rest.indptr)
        if degree.min() > FEW:
            break
        first = _independent(rest, np.maximum(degree, FEW), chance[: len(degree)])
        first = first[degree[first] <= FEW]
        if len(first) < LEAST_SHARE * len(degree):
            break
        work += float(np.sum(degree[first].astype(float) ** 2))
        rest, _ = _without(rest, first)
    m = len(rest.indptr) - 1
    if m == 0:
        return work
    degree = np.diff(rest.indptr)
    hubs = degree > 10 * np.sqrt(m)
    work += m * float(np.sum(hubs)) * (1 + float(np.sum(hubs)))
    rest = rest[~hubs][:, ~hubs]
    return work + GRID * _width(rest) ** 3


def _width(graph: sp.csr_array) -> float:
    """The mean size of the levels, seen from the far end, in the largest connected part."""
    if len(graph.indptr) == 1:
        return 0.0
    _, part = connected_components(graph, directed=False)
    inside = np.flatnonzero(part == np.argmax(np.bincount(part)))
    largest = sp.csr_matrix(graph[inside][:, inside])
    last = breadth_first_order(largest, 0, directed=False, return_predecessors=False)[-1]
    far = dijkstra(largest, directed=False, indices=int(last), unweighted=True)
    return len(inside) / (1.0 + float(far.max()))


def _graph(rows: np.ndarray, columns: np.ndarray, n: int) -> sp.csr_array:
    """The undirected adjacency graph of a matrix pattern."""
    apart = rows != columns
    rows, columns = rows[apart], columns[apart]
    graph = sp.csr_array((np.ones(2 * len(rows)), (np.r_[rows, columns], np.r_[columns, rows])), shape=(n, n))
    graph.sum_duplicates()
    graph.data[:] = 1.0
    return graph


def _without(rest: sp.csr_array, first: np.ndarray) -> tuple[sp.csr_array, np.ndarray]:
    """The graph after `first` are eliminated, and which unknowns are left."""
    kept = np.ones(len(rest.indptr) - 1, dtype=bool)
    kept[first] = False
    beside = sp.csr_array(rest[first][:, kept])
    left = sp.csr_array(rest[kept][:, kept] + beside.T @ beside)
    left.setdiag(0)
    left.eliminate_zeros()
    left.data[:] = 1.0
    return left, kept


def _independent(rest: sp.csr_array, degree: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Unknowns of small degree that are no neighbours: each comes before all candidates beside it."""
    candidate = degree <= NEAR * degree.min() + 1
    key = np.where(candidate, degree * float(len(chance) + chance.max() + 1) + chance, np.inf)
    least = np.full(len(degree), np.inf)
    some = degree > 0
    least[some] = np.minimum.reduceat(key[rest.indices], rest.indptr[:-1][some]) if rest.nnz else np.inf
    return np.flatnonzero(candidate & (key < least))
