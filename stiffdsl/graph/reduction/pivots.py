"""Static pivots: differentiated equations that give a variable for good; the others become invariants.

An equation that is linear in a variable with a coefficient that never vanishes (`v1 = v2`, `x = L*sin(phi)`)
gives that variable and all its derivatives: these are dummy derivatives (Mattsson and Söderlind 1993) whose
choice can never become singular. Pairs are chosen so that no cycle arises among them: a variable that stands
in one of the remaining equations only is taken first (nothing else will need it); where there is none, the
other variables of the equation are left to be states.
"""

import heapq
from dataclasses import replace

import numpy as np

from stiffdsl.flat.model import FlatModel
from stiffdsl.graph.explicit import PARAMETER, expose
from stiffdsl.graph.incidence import Unknowns, incidence
from stiffdsl.graph.reduction.pantelides import Offsets


def fixed_pivots(flat: FlatModel, found: Offsets) -> np.ndarray:
    """The variable that every differentiated equation gives, -1 where it has none (by equation).

    A variable without a start value is preferred (or one whose start is the default of a part), and of those
    one that was no state before.
    """
    row, column, order, quality = _candidates(flat, found)
    equations = np.flatnonzero(found.c > 0)
    local = np.searchsorted(equations, row)
    started = np.zeros(flat.size, dtype=np.int64)
    for definition in flat.starts:
        started[definition.targets] = 2
    if len(flat.default_start):
        started[flat.default_start] = 1
    plain = order == 0
    rank = np.lexsort((-column, quality, plain & flat.is_state[column], plain * started[column], -order))
    place = np.empty(len(rank), dtype=np.int64)
    place[rank] = np.arange(len(rank))
    place[quality > PARAMETER] = -1
    chosen = _acyclic(len(equations), local, column, place)
    result = np.full(len(found.c), -1, dtype=np.int64)
    result[equations] = chosen
    return result


def _candidates(flat: FlatModel, found: Offsets) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`(row, column, order, quality)` of the highest derivatives in the differentiated equations."""
    first, parts, rows = 0, [], []
    for family in flat.equations:
        members = np.flatnonzero(found.c[first : first + family.size] > 0)
        if len(members):
            parts.append(expose(family, members).family)
            rows.append(first + members)
        first += family.size
    both = 2 * np.arange(flat.size)
    last = np.zeros(2 * flat.size, dtype=np.int64)
    everything = Unknowns(
        np.repeat(np.arange(flat.size), 2), np.tile([False, True], flat.size), both, both + 1, last
    )
    inc = incidence(replace(flat, equations=tuple(parts)), everything)
    row, column, order = np.concatenate(rows)[inc.row], inc.column // 2, inc.column % 2
    highest = order + found.c[row] == found.d[column]
    key = row[highest] * flat.size + column[highest]
    _, unique = np.unique(key, return_index=True)
    kept = np.flatnonzero(highest)[unique]
    return row[kept], column[kept], order[kept], inc.quality[kept]


def _acyclic(size: int, row: np.ndarray, column: np.ndarray, place: np.ndarray) -> list[int]:
    """The column of each row, or -1; `place[k]` ranks entry k (lower is better), -1 where it is no pivot."""
    columns, inverse = np.unique(column, return_inverse=True)
    by_column = np.argsort(inverse, kind="stable")
    start = np.searchsorted(inverse[by_column], np.arange(len(columns) + 1)).tolist()
    entries_of_row: list[list[int]] = [[] for _ in range(size)]
    rows, ranks, local = row.tolist(), place.tolist(), inverse.tolist()
    for k, r in enumerate(rows):
        entries_of_row[r].append(k)
    waiting = [any(ranks[k] >= 0 for k in entries) for entries in entries_of_row]
    uses = [0] * len(columns)
    for k, r in enumerate(rows):
        uses[local[k]] += waiting[r]
    frozen = [False] * len(columns)
    result = [-1] * size
    # Entries whose column stands in one waiting row only; and all others, for when there is none.
    single = [(ranks[k], k) for k in range(len(rows)) if ranks[k] >= 0 and uses[local[k]] == 1]
    heapq.heapify(single)
    others = iter(np.argsort(place, kind="stable").tolist())
    by_column = by_column.tolist()

    def take(k: int) -> None:
        r = rows[k]
        result[r], waiting[r] = int(columns[local[k]]), False
        frozen[local[k]] = True
        for e in entries_of_row[r]:
            q = local[e]
            uses[q] -= 1
            if uses[q] == 1:
                for other in by_column[start[q] : start[q + 1]]:
                    if waiting[rows[other]] and ranks[other] >= 0:
                        heapq.heappush(single, (ranks[other], other))

    while True:
        while single:
            _, k = heapq.heappop(single)
            if waiting[rows[k]] and not frozen[local[k]]:
                take(k)
        k = next((e for e in others if ranks[e] >= 0 and waiting[rows[e]] and not frozen[local[e]]), -1)
        if k < 0:
            break
        for e in entries_of_row[rows[k]]:
            frozen[local[e]] = True
        take(k)
    _improve(entries_of_row, columns[inverse].tolist(), ranks, result)
    return result


def _improve(entries_of_row: list[list[int]], column: list[int], ranks: list[int], result: list[int]) -> None:
    """Takes a better entry where the equation then depends on no other pivot, so that no cycle can arise."""
    pivots = {c for c in result if c >= 0}
    for r, entries in enumerate(entries_of_row):
        if result[r] < 0 or any(column[k] in pivots and column[k] != result[r] for k in entries):
            continue
        best = min((k for k in entries if ranks[k] >= 0), key=lambda k: ranks[k])
        pivots.discard(result[r])
        result[r] = column[best]
        pivots.add(result[r])
