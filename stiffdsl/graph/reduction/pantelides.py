"""Structural index analysis: the number of differentiations of every equation that index one needs.

    der(x) = vx                c = 1     x'' = vx'
    der(vx) = -T*x             c = 0
    x^2 + y^2 = 1              c = 2     2*x*x'' + 2*y*y'' + … = 0

Pantelides (1988), in the offsets of Pryce (2001): `c[i]` counts the differentiations of equation i, `d[j]` is
the order of the highest derivative of variable j, and `order[i, j] + c[i] <= d[j]`. Edges where the two sides
are equal are those of the differentiated system; each equation that finds no path over them to a free
variable raises the equations and variables that it did reach. All of it is integers: nothing is
differentiated here.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.flat.model import FlatModel
from stiffdsl.graph.incidence import occurrences


@dataclass(frozen=True, eq=False)
class Offsets:
    """`c[e]` of every equation, `d[v]` of every variable; entry k says that equation `row[k]` mentions
    derivative `order[k]` (the highest that it mentions) of variable `column[k]`.
    """

    c: np.ndarray
    d: np.ndarray
    row: np.ndarray
    column: np.ndarray
    order: np.ndarray

    @property
    def active(self) -> np.ndarray:
        """The entries that hold a highest derivative once everything is differentiated."""
        return self.order + self.c[self.row] == self.d[self.column]


def offsets(flat: FlatModel, pairing: np.ndarray) -> Offsets:
    """The smallest offsets. `pairing[e]`: the variable whose highest derivative equation e gives, or -1.

    The system must be regular when a variable and its derivatives count as one unknown: else there is no end.
    """
    even = 2 * np.arange(flat.size, dtype=np.int64)
    row, code = occurrences(flat.equations, even, even + 1)
    # Sorted by equation, variable, order: the last entry of a pair holds its highest order.
    key = np.unique(row * (2 * flat.size) + code)
    row, code = key // (2 * flat.size), key % (2 * flat.size)
    last = (
        np.r_[(np.diff(row) != 0) | (np.diff(code // 2) != 0), True] if len(row) else np.zeros(0, dtype=bool)
    )
    row, column, order = row[last], code[last] // 2, code[last] % 2
    start = np.searchsorted(row, np.arange(len(pairing) + 1)).tolist()
    c, d = [0] * len(pairing), flat.is_state.astype(np.int64).tolist()
    of_row = pairing.tolist()
    of_column = [-1] * flat.size
    for r, v in enumerate(of_row):
        if v >= 0:
            of_column[v] = r
    columns, orders = column.tolist(), order.tolist()
    for r in range(len(of_row)):
        while of_row[r] < 0:
            reached = _augment(r, start, columns, orders, c, d, of_row, of_column)
            c[r] += bool(reached is not None)
            for v in reached or ():
                d[v] += 1
                c[of_column[v]] += 1
    return Offsets(np.array(c, dtype=np.int64), np.array(d, dtype=np.int64), row, column, order)


def _augment(
    root: int,
    start: list[int],
    columns: list[int],
    orders: list[int],
    c: list[int],
    d: list[int],
    of_row: list[int],
    of_column: list[int],
) -> list[int] | None:
    """Flips a path from equation `root` to a free variable over highest derivatives; else, what it reached.

    Breadth first, so that paths are short and no recursion is needed.
    """
    parent: dict[int, int] = {}
    reached: list[int] = []
    front = [root]
    for r in front:
        for k in range(start[r], start[r + 1]):
            v = columns[k]
            if v in parent or orders[k] + c[r] != d[v]:
                continue
            parent[v] = r
            if of_column[v] < 0:
                while True:
                    r, previous = parent[v], of_row[parent[v]]
                    of_row[r], of_column[v] = v, r
                    if r == root:
                        return None
                    v = previous
            reached.append(v)
            front.append(of_column[v])
    return reached
