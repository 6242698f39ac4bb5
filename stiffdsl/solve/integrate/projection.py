"""Back to the manifold: after every step, the state is moved to where the invariants of the system hold.

    y* = y - W G^T (G W G^T)^-1 g(y)        G = dg/dy,   W the squares of the tolerated errors

This is the smallest move, measured in tolerated errors, that restores g = 0 to first order (Eich, SIAM J.
Numer. Anal. 30, 1993; Hairer and Wanner, Solving Ordinary Differential Equations II, section VII.2); it is
made twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import jax.numpy as jnp
import numpy as np

from stiffdsl.solve.base.error_norm import counted
from stiffdsl.solve.base.method import Attempt, Method, Tolerance, opened, renewed, scale
from stiffdsl.solve.base.system import Args, System
from stiffdsl.solve.linear.linear_systems import LinearSolver

if TYPE_CHECKING:
    from jaxtyping import Array, Float


MOVES = 2
# After an event: more moves, since values may be far from the manifold; constraints hold that are violated by no more
# than this share of their terms, and entries that are to stay may move by no more than this share of themselves.
MOVES_BEHIND, HOLDS = 4, 1e-6
# An unknown is allowed to move by at least this share of the largest tolerated error.
LEAST = 1e-8
# Added to the diagonal, relative to it: constraints that follow from one another leave the matrix singular.
REGULAR = 1e-13


class Constrained(System, Protocol):
    """A system with `invariants(t, y, args) -> (m,)` that its solutions hold, and the values of their
    Jacobian at `invariant_rows`, `invariant_columns`.
    """

    @property
    def invariant_count(self) -> int: ...
    @property
    def invariant_rows(self) -> np.ndarray: ...
    @property
    def invariant_columns(self) -> np.ndarray: ...
    def invariants(self, t, y, args: Args) -> Float[Array, " m"]: ...
    def invariants_jacobian(self, t, y, args: Args) -> Float[Array, " nnz"]: ...


class Pairs:
    """The matrix `G W G^T` for G with entries at `rows`, `columns`: products of entries `left` and `right` add up to
    entry `place` of those at `pattern`.
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray, count: int):
        self.rows, self.columns, self.count = rows, columns, count
        # Every pair of nonzeros of G in one column.
        order = np.argsort(columns, kind="stable")
        low = np.searchsorted(columns[order], columns)
        size = np.searchsorted(columns[order], columns, side="right") - low
        self.left = np.repeat(np.arange(len(rows)), size)
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        self.right = order[np.repeat(low, size) + within]
        pairs, self.place = np.unique(rows[self.left] * count + rows[self.right], return_inverse=True)
        self.pattern = pairs // count, pairs % count
        self.diagonal = np.flatnonzero(self.pattern[0] == self.pattern[1])


class Projection:
    """`project(t, y, args, tolerance)`: y with the invariants restored, or y itself where that is not
    possible.
    """

    def __init__(self, system: Constrained):
        self.system = system
        rows, columns = np.asarray(system.invariant_rows), np.asarray(system.invariant_columns)
        self.pairs = pairs = Pairs(rows, columns, system.invariant_count)
        self.linear = LinearSolver(*pairs.pattern, np.zeros(pairs.count))
        self.counted = counted(system)

    def __call__(self, t, y, args: Args, tolerance: Tolerance) -> Float[Array, " n"]:
        allowed = scale(y, y, tolerance)
        weight = jnp.maximum(allowed / jnp.max(jnp.where(self.counted, allowed, 0.0)), LEAST) ** 2
        return self._moved(t, y, args, weight, MOVES)

    def behind(self, t, was, y, args: Args):
        """y behind an event that has set what is not as it `was`, with what constraints tie to it moved along; and
        whether that is possible.

        Only unknowns of constraints that are violated move, and of these none that was set, nor one that stands in a
        constraint that holds: what a mass weighs against does not move when its velocity jumps.
        """
        rows, columns = self.pairs.rows, self.pairs.columns
        count, size = self.system.invariant_count, y.shape[0]

        def violated(y):
            G = self.system.invariants_jacobian(t, y, args)
            terms = jnp.zeros(count).at[rows].add(jnp.abs(G * y[columns]))
            return jnp.abs(self.system.invariants(t, y, args)) > HOLDS * terms

        wrong = violated(y)
        moves = jnp.zeros(size, dtype=bool).at[columns].max(wrong[rows])
        stays = jnp.zeros(size, dtype=bool).at[columns].max(~wrong[rows]) | (y != was)
        free = moves & ~stays
        moved = self._moved(t, y, args, jnp.where(free, 1.0, LEAST**2), MOVES_BEHIND)
        off = jnp.abs(moved - y) > HOLDS * (jnp.abs(y) + jnp.abs(was))
        good = ~jnp.any(violated(moved)) & ~jnp.any(off & ~free)
        any_ = jnp.any(wrong)
        # What does not move keeps its digits: a condition on it that has just turned true stays true.
        return jnp.where(any_ & free, moved, y), good | ~any_

    def _moved(self, t, y, args: Args, weight, count: int) -> Float[Array, " n"]:
        pairs = self.pairs
        moved = y
        for _ in range(count):
            g = self.system.invariants(t, moved, args)
            G = self.system.invariants_jacobian(t, moved, args)
            products = G[pairs.left] * weight[pairs.columns[pairs.left]] * G[pairs.right]
            values = jnp.zeros(len(pairs.pattern[0])).at[pairs.place].add(products)
            values = values.at[pairs.diagonal].multiply(1 + REGULAR)
            # The solver's matrix is `alpha M - J`: the signs cancel.
            multiplier = self.linear.solve(self.linear.factor(values, jnp.zeros(())), g)
            moved = moved + weight * jnp.zeros_like(y).at[pairs.columns].add(G * multiplier[pairs.rows])
        return jnp.where(jnp.all(jnp.isfinite(moved)), moved, y)


class Projected:
    """A method whose steps end on the manifold."""

    def __init__(self, method: Method, project: Projection):
        self.method, self.project = method, project
        self.name, self.order, self.rows = method.name, method.order, method.rows
        self.rough_rows = getattr(method, "rough_rows", 0)

    def start(self, t, y, h, args: Args, tolerance: Tolerance) -> Any:
        return self.method.start(t, y, h, args, tolerance)

    def attempt(self, memory: Any, t, y, h, args: Args, tolerance: Tolerance) -> Attempt:
        attempt = self.method.attempt(memory, t, y, h, args, tolerance)
        return attempt._replace(y=self.project(t + h, attempt.y, args, tolerance))

    def opened(self, memory: Any) -> Any:
        return opened(self.method, memory)

    def renewed(self, memory: Any) -> Any:
        return renewed(self.method, memory)

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        return self.method.advance(attempt, accept, t, y, h, previous_error, rejections, cut)
