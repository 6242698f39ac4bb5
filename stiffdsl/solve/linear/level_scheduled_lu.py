"""Sparse factors with static pivots, level by level: for lanes side by side, and for devices without KLU.

Pivots that do not depend on each other make a level, and all products of a level are one gather and one scatter. The
levels are rows of tables that a loop runs over, long levels several rows: the compiler sees one row, however large
the system is. (Anderson and Saad, Int. J. High Speed Comput. 1:73, 1989.)

Arrays have the axis of unknowns or entries first; any axes after it are lanes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.linear.ilu_pattern import Pattern, RowEntries

# The share of dropped fill that is taken off the pivots: sums of rows are nearly kept, which slowly
# varying errors need (Gustafsson, BIT 18:142, 1978; Axelsson and Lindskog, Numer. Math. 48:479, 1986). A pivot that
# this leaves below a share of itself stays as it was.
RELAXED, LEAST_PIVOT = 0.95, 0.2
# Starting a row of a table takes about as long as so many of its entries.
ROW = 128
WIDTHS = tuple(2**k for k in range(4, 14))


def shifted(pattern: Pattern, jacobian: Any, alpha: Any) -> Any:
    """The entries of `alpha M - J` by rows."""
    lanes = jacobian.shape[1:]
    mass = pattern.mass.reshape(-1, *(1 for _ in lanes))
    values = jnp.zeros((len(pattern.matrix.top), *lanes)).at[pattern.place].set(-jacobian)
    return values.at[pattern.diagonal].add(alpha * mass)


@dataclass(frozen=True, eq=False)
class Updates:
    """`target -= value * source`, in rows (steps, width) that must follow each other; filled up with `target` outside
    of the arrays and entry 0."""

    target: np.ndarray
    value: np.ndarray
    source: np.ndarray

    def run(self, values: Any, x: Any) -> Any:
        """x after all updates."""

        def step(x, row):
            target, value, source = row
            return x.at[target].add(-values[value] * x[source], mode="drop"), None

        return lax.scan(step, x, (self.target, self.value, self.source))[0]


class LevelScheduledLU:
    """Factors on the pattern `entries`, whose diagonal is at the entries `pivot`.

    `factor` returns L below the diagonal (its own is one), the inverse of U's diagonal, and U above it.
    """

    def __init__(self, entries: RowEntries, pivot: np.ndarray):
        self.entries, self.pivot = entries, pivot
        self.n, self.count = len(pivot), len(entries.top)
        self.row, self.column = entries.row, entries.top
        self.lower = np.flatnonzero(self.column < self.row)
        self.upper = np.flatnonzero(self.column > self.row)

    @cached_property
    def level(self) -> np.ndarray:
        """The level of every pivot: after those that change its row or column."""
        lower, upper = self.lower, self.upper
        later = np.r_[self.row[lower], self.column[upper]]
        earlier = np.r_[self.column[lower], self.row[upper]]
        order = np.argsort(later, kind="stable")
        later, earlier = later[order], earlier[order]
        starts = np.searchsorted(later, np.arange(self.n + 1)).tolist()
        earlier_list, level = earlier.tolist(), [0] * self.n
        for k in range(self.n):
            a, b = starts[k], starts[k + 1]
            if b > a:
                level[k] = 1 + max(level[j] for j in earlier_list[a:b])
        return np.array(level, dtype=np.int64)

    @cached_property
    def products(self) -> tuple[np.ndarray, ...]:
        """By rows: target, entry of L, entry of U, pivot number, of every product; a target outside of the pattern is
        the number of entries plus that of the row."""
        start, n = self.entries.start, self.n
        e = self.lower
        k = self.column[e]
        first, many = self.pivot[k] + 1, start[k + 1] - self.pivot[k] - 1
        left = np.repeat(e, many)
        offsets = np.arange(len(left)) - np.repeat(np.cumsum(many) - many, many)
        right = np.repeat(first, many) + offsets
        row, column, pivot = self.row[left], self.column[right], np.repeat(k, many)
        target = self.entries.find(row, column)
        target = np.where(target < 0, self.count + row, target)
        return tables(self.level[pivot], (target, left, right, pivot), self.count + n)

    def factor(self, w: Any) -> Any:
        """The factors of the matrix with entries w (entries, *lanes)."""
        v = jnp.concatenate([w, jnp.zeros((self.n, *w.shape[1:]))])

        def step(v, row):
            target, left, right, pivot = row
            share = v[left] * v[right] / self._pivots(v, pivot)
            return v.at[target].add(-share, mode="drop"), None

        v, _ = lax.scan(step, v, self.products)
        inverse = 1.0 / self._pivots(v, np.arange(self.n))
        v = v[: self.count]
        scaled = v[self.lower] * inverse[self.column[self.lower]]
        return v.at[self.lower].set(scaled).at[self.pivot].set(inverse)

    def _pivots(self, v: Any, number: Any) -> Any:
        whole = v[jnp.asarray(self.pivot)[number]]
        less = whole + RELAXED * v[self.count + number]
        return jnp.where(less / whole >= LEAST_PIVOT, less, whole)

    def solve(self, v: Any, b: Any) -> Any:
        """(L U)^-1 b."""
        x = self._ahead[0].run(v, b)
        inverse = v[self.pivot]
        return self._back[0].run(self._scaled(v, inverse), x * inverse)

    def solve_transposed(self, v: Any, b: Any) -> Any:
        """(L U)'^-1 b."""
        inverse = v[self.pivot]
        x = self._ahead[1].run(self._scaled(v, inverse), b)
        return self._back[1].run(v, x * inverse)

    def _scaled(self, v: Any, inverse: Any) -> Any:
        """The rows of U over their pivots."""
        return v.at[self.upper].multiply(inverse[self.row[self.upper]])

    @cached_property
    def _ahead(self) -> tuple[Updates, Updates]:
        """Solves with L, and with U' over its pivots."""
        return self._updates(self.lower, False, False), self._updates(self.upper, True, False)

    @cached_property
    def _back(self) -> tuple[Updates, Updates]:
        """Solves with U over its pivots, and with L'."""
        return self._updates(self.upper, False, True), self._updates(self.lower, True, True)

    def _updates(self, entries: np.ndarray, transposed: bool, descending: bool) -> Updates:
        target, source = self.row[entries], self.column[entries]
        if transposed:
            target, source = source, target
        level = self.level[source]
        if descending:
            level = self.level.max(initial=0) - level
        return Updates(*tables(level, (target, entries, source), self.n))


def tables(level: np.ndarray, columns: tuple[np.ndarray, ...], outside: int) -> tuple[np.ndarray, ...]:
    """The columns as tables (steps, width), items of one level in as many rows as they need; empty places have
    `outside` in the first column and 0 in all others."""
    counts = np.bincount(level) if len(level) else np.zeros(1, dtype=np.int64)
    cost = [np.sum(-(-counts // width)) * (ROW + width) for width in WIDTHS]
    width = WIDTHS[int(np.argmin(cost))]
    rows = -(-counts // width)
    order = np.argsort(level, kind="stable")
    level = level[order]
    within = np.arange(len(level)) - (np.cumsum(counts) - counts)[level]
    place = ((np.cumsum(rows) - rows)[level] + within // width) * width + within % width
    made = []
    for k, column in enumerate(columns):
        table = np.full(int(rows.sum()) * width, outside if k == 0 else 0, dtype=np.int32)
        table[place] = column[order]
        made.append(table.reshape(-1, width))
    return tuple(made)
