"""Gives every unknown an equation of its own, preferring equations that can be solved for it.

SciPy's matchings start from a greedy one, which on a chain of 10^5 equations may leave a defect that takes
seconds to push to its end. Here equations and unknowns with one choice left are matched first (Karp and
Sipser 1981), which is exact on chains and trees; what remains is augmented in phases (Pothen and Fan 1990).
Better edges come first, so that divisions and implicit equations are used only where nothing else fits.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from stiffdsl.graph.explicit import FREE, IMPLICIT, LINEAR, PARAMETER, UNIT

# Up to this many equations the matching of least total weight is found; beyond, a good one in linear time.
WEIGHTED_UP_TO = 2_000
WEIGHT = {UNIT: 1.0, PARAMETER: 3.0, FREE: 10.0, LINEAR: 20.0, IMPLICIT: 200.0}


def match(rows: int, columns: int, row: np.ndarray, column: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """The column of every row in a largest matching, -1 without one; (row[k], column[k]) are the edges."""
    if rows == columns and 0 < rows <= WEIGHTED_UP_TO:
        weighted = _least_weight(rows, row, column, quality)
        if weighted is not None:
            return weighted
    of_row = [-1] * rows
    of_column = [-1] * columns
    for limit in (UNIT, PARAMETER, LINEAR, IMPLICIT):
        allowed = np.flatnonzero(quality <= limit)
        allowed = allowed[np.lexsort((quality[allowed], row[allowed]))]
        start = np.searchsorted(row[allowed], np.arange(rows + 1)).tolist()
        neighbours = column[allowed].tolist()
        if -1 not in of_row:
            break
        _single_choices(start, neighbours, row[allowed], column[allowed], of_row, of_column)
        augment(start, neighbours, of_row, of_column)
    return np.array(of_row, dtype=np.int64)


def _least_weight(size: int, row: np.ndarray, column: np.ndarray, quality: np.ndarray) -> np.ndarray | None:
    weight = np.array([WEIGHT[q] for q in range(IMPLICIT + 1)])[quality]
    # An unknown may stand twice in an equation; both entries have one weight.
    _, unique = np.unique(row * size + column, return_index=True)
    graph = csr_array((weight[unique], (row[unique], column[unique])), shape=(size, size))
    try:
        found_rows, found = min_weight_full_bipartite_matching(graph)
    except ValueError:  # there is no perfect matching
        return None
    result = np.full(size, -1, dtype=np.int64)
    result[found_rows] = found
    return result


def _single_choices(
    start: list[int],
    neighbours: list[int],
    row: np.ndarray,
    column: np.ndarray,
    of_row: list[int],
    of_column: list[int],
) -> None:
    """Matches rows and columns that have one free partner left, again and again; then greedily the rest."""
    rows, columns = len(of_row), len(of_column)
    back = np.argsort(column, kind="stable")
    back_start = np.searchsorted(column[back], np.arange(columns + 1)).tolist()
    back_neighbours = row[back].tolist()
    free = (np.array(of_row)[row] < 0) & (np.array(of_column, dtype=np.int64)[column] < 0)
    row_degree = np.bincount(row[free], minlength=rows).tolist()
    column_degree = np.bincount(column[free], minlength=columns).tolist()
    queue = [r for r in range(rows) if row_degree[r] == 1 and of_row[r] < 0]
    queue += [rows + c for c in range(columns) if column_degree[c] == 1 and of_column[c] < 0]

    def take(r: int, c: int) -> None:
        of_row[r], of_column[c] = c, r
        for other in neighbours[start[r] : start[r + 1]]:
            column_degree[other] -= 1
            if column_degree[other] == 1 and of_column[other] < 0:
                queue.append(rows + other)
        for other in back_neighbours[back_start[c] : back_start[c + 1]]:
            row_degree[other] -= 1
            if row_degree[other] == 1 and of_row[other] < 0:
                queue.append(other)

    for next_row in range(rows + 1):
        while queue:
            node = queue.pop()
            if node < rows:
                if of_row[node] < 0:
                    c = _first_free(neighbours, start[node], start[node + 1], of_column)
                    if c >= 0:
                        take(node, c)
            elif of_column[node - rows] < 0:
                c = node - rows
                r = _first_free(back_neighbours, back_start[c], back_start[c + 1], of_row)
                if r >= 0:
                    take(r, c)
        if next_row < rows and of_row[next_row] < 0:
            c = _first_free(neighbours, start[next_row], start[next_row + 1], of_column)
            if c >= 0:
                take(next_row, c)


def _first_free(neighbours: list[int], first: int, last: int, partner: list[int]) -> int:
    for k in range(first, last):
        if partner[neighbours[k]] < 0:
            return neighbours[k]
    return -1


def augment(start: list[int], neighbours: list[int], of_row: list[int], of_column: list[int]) -> None:
    """Makes a matching as large as it can be, in place. `neighbours[start[r]:start[r + 1]]` are the columns
    of r.

    Rows and columns that are matched stay matched, to whom may change. Within a phase every column is visited
    once, so a phase is linear in the number of edges.
    """
    columns = len(of_column)
    # Without a free column no path can end, however many rows are left to try.
    while any(of_column[c] < 0 for c in neighbours):
        visited = [False] * columns
        found = False
        for r in range(len(of_row)):
            if of_row[r] < 0 and grow(r, start, neighbours, of_row, of_column, visited, []):
                found = True
        if not found:
            return


def grow(
    root: int,
    start: list[int],
    neighbours: list[int],
    of_row: list[int],
    of_column: list[int],
    visited: list[bool],
    trail: list[int],
) -> bool:
    """Looks for a path from row `root` to a free column over columns not yet `visited`; flips it if there is
    one.

    The columns that this search visits are appended to `trail`. After a failure they lead nowhere for ever.
    """
    path = [root]
    position = [start[root]]
    chosen: list[int] = []
    while path:
        r = path[-1]
        c = _first_free(neighbours, position[-1], start[r + 1], of_column)
        if c >= 0:
            chosen.append(c)
            for row, column in zip(path, chosen, strict=True):
                of_row[row], of_column[column] = column, row
            return True
        k = position[-1]
        while k < start[r + 1] and visited[neighbours[k]]:
            k += 1
        if k == start[r + 1]:
            path.pop()
            position.pop()
            if chosen:
                chosen.pop()
            continue
        position[-1] = k + 1
        c = neighbours[k]
        visited[c] = True
        trail.append(c)
        chosen.append(c)
        path.append(of_column[c])
        position.append(start[of_column[c]])
    return False
