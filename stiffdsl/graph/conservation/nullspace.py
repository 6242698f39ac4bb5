"""The left null space of a large sparse integer matrix: all λ with λᵀM = 0, in whole numbers.

A column with one entry makes its row's λ zero; any column gives one λ by the others. So a few *seeds* are left open,
all other rows follow from them in order, and what the unused columns say about the seeds is a small dense problem.
It is solved modulo a prime, which keeps numbers short; whole numbers are found again by rational reconstruction (Wang,
A p-adic algorithm for univariate partial fractions, SYMSAC 1981) and checked against M exactly.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

PRIME = 2**31 - 1
# A reconstructed fraction has a numerator and a denominator of at most this: 2*BOUND^2 < PRIME.
BOUND = 32_000
# Rows times seeds of one connected part: beyond, only the sum of all rows is tried.
LARGEST = 20_000_000
# Connected parts that are looked at.
PARTS = 2_000
# Rounds in which singletons are removed all at once, before they are followed one by one.
ROUNDS = 20


@dataclass(frozen=True, eq=False)
class NullSpace:
    """Vector k is `value[start[k]:start[k+1]]` at rows `row[...]`. `complete`: these are all; no part was too
    large, and no vector of numbers too large to be found."""

    start: np.ndarray
    row: np.ndarray
    value: np.ndarray
    complete: bool

    def __len__(self) -> int:
        return len(self.start) - 1


def left_null_space(rows: int, row: np.ndarray, column: np.ndarray, value: np.ndarray) -> NullSpace:
    """For the entries `value` at (`row`, `column`), which add up where they meet."""
    row, column, value = _summed(row, column, value)
    live = np.ones(rows, dtype=bool)
    for _ in range(ROUNDS):
        count = np.bincount(column, minlength=1)
        dead = row[count[column] == 1]
        if not len(dead):
            break
        live[dead] = False
        kept = live[row]
        row, column, value = row[kept], column[kept], value[kept]
    _, column = np.unique(column, return_inverse=True)
    column = column.ravel()
    columns = int(column.max(initial=-1)) + 1
    graph = coo_array((np.ones(len(row)), (row, rows + column)), shape=(rows + columns,) * 2)
    parts, label = connected_components(graph, directed=False)
    alone = np.flatnonzero(live & (np.bincount(row, minlength=rows) == 0))
    found: list[tuple[np.ndarray, np.ndarray]] = [(np.array([r]), np.array([1])) for r in alone.tolist()]
    order = np.argsort(label[row], kind="stable")
    bounds = np.searchsorted(label[row][order], np.arange(parts + 1))
    connected = np.flatnonzero(np.diff(bounds))
    complete = len(connected) <= PARTS
    for k in connected[:PARTS].tolist():
        mine = order[bounds[k] : bounds[k + 1]]
        vectors, whole = _part(row[mine], column[mine], value[mine])
        found += vectors
        complete &= whole
    sizes = [len(r) for r, _ in found]
    nothing = np.zeros(0, dtype=np.int64)
    return NullSpace(
        np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]),
        np.concatenate([nothing, *(r for r, _ in found)]),
        np.concatenate([nothing, *(v for _, v in found)]),
        complete,
    )


def _summed(row: np.ndarray, column: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
    """Entries by column, those at one place added up, zeros left out."""
    if not len(row):
        return row, column, value
    order = np.lexsort((row, column))
    row, column, value = row[order], column[order], value[order]
    first = np.flatnonzero(np.r_[True, (np.diff(row) != 0) | (np.diff(column) != 0)])
    value = np.add.reduceat(value, first)
    kept = value != 0
    return row[first][kept], column[first][kept], value[kept]


def _part(
    row: np.ndarray, column: np.ndarray, value: np.ndarray
) -> tuple[list[tuple[np.ndarray, np.ndarray]], bool]:
    """The null vectors of one connected part, and whether these are all."""
    members, row = np.unique(row, return_inverse=True)
    _, column = np.unique(column, return_inverse=True)
    row, column = row.ravel(), column.ravel()
    start = np.searchsorted(column, np.arange(column.max() + 2))
    seeds, steps = _ordered(len(members), row, column, start)
    if len(seeds) == 1 or len(seeds) * len(members) > LARGEST:
        ones = np.ones(len(members), dtype=np.int64)
        held = _holds(row, start, value, ones)
        if held or len(seeds) > 1:
            return ([(members, ones)] if held else []), len(seeds) == 1
    spanned = _propagated(len(members), seeds, steps, row, start, value % PRIME)
    basis = np.eye(len(seeds), dtype=np.int64)
    used = np.zeros(len(start) - 1, dtype=bool)
    used[[c for c, _ in steps]] = True
    rest = np.flatnonzero(~used)
    width = max(16, 2 * len(seeds))
    for low in range(0, len(rest), width):
        if not basis.shape[1]:
            break
        said = np.array([_said(c, row, start, value, spanned) for c in rest[low : low + width].tolist()])
        said = _times(said, basis)
        if np.any(said):
            basis = _times(basis, _kernel(said))
    found, complete = [], True
    for vector in _times(spanned, basis).T if basis.shape[1] else ():
        whole = _whole(vector)
        if whole is None or not _holds(row, start, value, whole):
            complete = False
            continue
        mine = np.flatnonzero(whole)
        found.append((members[mine], whole[mine]))
    return found, complete


def _ordered(
    rows: int, row: np.ndarray, column: np.ndarray, start: np.ndarray
) -> tuple[list[int], list[tuple[int, int]]]:
    """Seeds, and steps `(column, row)`: each column gives its row by rows that are given already."""
    of_column = np.split(row, start[1:-1])
    columns = [c.tolist() for c in of_column]
    by_row = np.argsort(row, kind="stable")
    of_row = [c.tolist() for c in np.split(column[by_row], np.searchsorted(row[by_row], np.arange(1, rows)))]
    left = np.diff(start).tolist()
    given = [False] * rows
    seeds: list[int] = []
    steps: list[tuple[int, int]] = []
    queue = [c for c, n in enumerate(left) if n == 1]
    # Columns with few open rows come first: a seed there lets most follow.
    waiting: list[list[int]] = [[], [], [], []]
    for c, n in enumerate(left):
        waiting[min(n, 3)].append(c)
    rank = 0

    def give(r: int) -> None:
        given[r] = True
        for c in of_row[r]:
            left[c] -= 1
            if left[c] == 1:
                queue.append(c)
            elif left[c] == 2:
                waiting[2].append(c)

    while rank < rows:
        while queue:
            c = queue.pop()
            if left[c] == 1:
                r = next(r for r in columns[c] if not given[r])
                steps.append((c, r))
                rank += 1
                give(r)
        if rank == rows:
            break
        for pile in (waiting[2], waiting[3]):
            while pile and left[pile[-1]] < 2:
                pile.pop()
            if pile:
                candidates = [r for r in columns[pile[-1]] if not given[r]]
                break
        else:
            raise AssertionError("a row without a column is no part of this")
        seed = max(candidates, key=lambda r: len(of_row[r]))
        seeds.append(seed)
        rank += 1
        give(seed)
    return seeds, steps


def _propagated(
    rows: int,
    seeds: list[int],
    steps: list[tuple[int, int]],
    row: np.ndarray,
    start: np.ndarray,
    value: np.ndarray,
) -> np.ndarray:
    """λ of every row by the seeds, modulo the prime: (rows, seeds)."""
    spanned = np.zeros((rows, len(seeds)), dtype=np.int64)
    spanned[seeds, np.arange(len(seeds))] = 1
    bounds = start.tolist()
    for c, r in steps:
        low, high = bounds[c], bounds[c + 1]
        here, factors = row[low:high], value[low:high]
        own = int(factors[here == r][0])
        scale = (-pow(own, -1, PRIME)) % PRIME
        # λ of row r is still zero here, so that it adds nothing.
        total = (spanned[here] * factors[:, None] % PRIME).sum(axis=0) % PRIME
        spanned[r] = total * scale % PRIME
    return spanned


def _said(c: int, row: np.ndarray, start: np.ndarray, value: np.ndarray, spanned: np.ndarray) -> np.ndarray:
    here = slice(start[c], start[c + 1])
    return (spanned[row[here]] * (value[here] % PRIME)[:, None] % PRIME).sum(axis=0) % PRIME


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix product modulo the prime, in two halves of 16 bits so that sums do not overflow."""
    high, low = a >> 16, a & 0xFFFF
    if a.shape[1] <= 2**15:
        return (((high @ b) % PRIME << 16) + low @ b) % PRIME
    cut = 2**15
    return (_times(a[:, :cut], b[:cut]) + _times(a[:, cut:], b[cut:])) % PRIME


def _kernel(matrix: np.ndarray) -> np.ndarray:
    """A basis of the right null space modulo the prime, as columns; each has a one where the others have zeros."""
    a = matrix.copy() % PRIME
    columns = a.shape[1]
    pivots: list[int] = []
    for c in range(columns):
        below = np.flatnonzero(a[len(pivots) :, c])
        if not len(below):
            continue
        at = len(pivots)
        a[[at, at + below[0]]] = a[[at + below[0], at]]
        a[at] = a[at] * pow(int(a[at, c]), -1, PRIME) % PRIME
        others = np.flatnonzero(a[:, c])
        others = others[others != at]
        a[others] = (a[others] - a[others, c][:, None] * a[at] % PRIME) % PRIME
        pivots.append(c)
        if len(pivots) == len(a):
            break
    free = np.setdiff1d(np.arange(columns), pivots)
    basis = np.zeros((columns, len(free)), dtype=np.int64)
    basis[free, np.arange(len(free))] = 1
    if pivots:
        basis[pivots] = (-a[: len(pivots), free]) % PRIME
    return basis


def _whole(vector: np.ndarray) -> np.ndarray | None:
    """The smallest whole multiple of what `vector` is modulo the prime; None where it is not of small numbers."""
    distinct, place = np.unique(vector, return_inverse=True)
    fractions = [_fraction(int(x)) for x in distinct]
    if any(f is None for f in fractions):
        return None
    above = np.array([f[0] for f in fractions if f], dtype=object)
    below = np.array([f[1] for f in fractions if f], dtype=object)
    multiple = np.lcm.reduce(below)
    numbers = above * (multiple // below)
    numbers //= np.gcd.reduce(numbers) or 1
    if any(abs(n) > BOUND**2 for n in numbers):
        return None
    return numbers.astype(np.int64)[place.ravel()]


def _fraction(residue: int) -> tuple[int, int] | None:
    """The fraction of small numbers that is `residue` modulo the prime, by Euclid's algorithm stopped half-way."""
    before, now, s0, s1 = PRIME, residue, 0, 1
    while now > BOUND:
        quotient = before // now
        before, now = now, before - quotient * now
        s0, s1 = s1, s0 - quotient * s1
    if s1 == 0 or abs(s1) > BOUND:
        return None
    return (now, s1) if s1 > 0 else (-now, -s1)


def _holds(row: np.ndarray, start: np.ndarray, value: np.ndarray, vector: np.ndarray) -> bool:
    """Whether `vector` is a null vector in exact arithmetic."""
    largest = float(np.max(np.abs(vector), initial=0)) * float(np.max(np.abs(value), initial=0))
    if largest * float(np.max(np.diff(start))) < 2.0**62:
        return not np.any(np.add.reduceat(vector[row] * value, start[:-1]))
    exact = vector[row].astype(object) * value.astype(object)
    return not np.any(np.add.reduceat(exact, start[:-1]))
