"""Symbolic sparse LU of `W = alpha M - J`: the order of pivots and the fill are known before any number is.

Pivots lie on a diagonal that a matching makes structurally full, and large for some values of J (Duff and Koster, SIAM
J. Matrix Anal. Appl. 22:973, 2001). They are taken in the order of Markowitz (Management Science 3:255, 1957): the one
that can fill least comes first. Where values of W are known and these pivots turn out bad there, others are chosen by
the values (`lu_values.py`). Nothing is swapped at run time, so every step checks what its factors are worth
(`attempt.py`), and goes on with pivots as they come where that is little (`pivoted.py`).
"""

import heapq
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from stiffdsl.native.factors import lu_columns, lu_levels, lu_narrow, lu_values
from stiffdsl.native.factors.lu_blocks import blocks, factor_in_loops, solve_in_loops
from stiffdsl.native.factors.lu_elimination import Elimination
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.ir.form import FORM, Form

# The size that a value of zero is taken for, relative to the largest of its row: it may be nonzero at another point.
_TINY = 1e-8


V = TypeVar("V")


class Arithmetic(Protocol[V]):
    """The arithmetic that factors are written in: values of code (`Code`), or of a program (`Builder`)."""

    def number(self, value: float) -> V: ...
    def apply(self, name: str, *args: V) -> V: ...


class Plan(Elimination):
    """An elimination, and how its factors are computed: number by number, by levels, by columns, or in blocks."""

    @property
    def written_out(self) -> bool:
        """Whether factors are computed number by number."""
        return (
            self.multiplications <= self.form.unrolled_factors and self.entries <= self.form.unrolled_entries
        )

    @property
    def storage(self) -> int:
        """Doubles that the factors take: their entries, or blocks of them."""
        if self.written_out:
            return self.entries
        if self.by_levels:
            return lu_levels.storage(self)
        return lu_columns.storage(self) if self.by_columns else blocks(self).size

    @cached_property
    def by_columns(self) -> bool:
        """Whether factors are computed entry by entry, as blocks would hold little."""
        if self.written_out or self.by_levels:
            return False
        layout = blocks(self)
        return not lu_narrow.is_narrow(layout) and lu_columns.serves(layout)

    @cached_property
    def by_levels(self) -> bool:
        """Whether factors are computed for many rows side by side."""
        return not self.written_out and lu_levels.serves(self.levels)

    @cached_property
    def levels(self) -> lu_levels.Levels:
        """The level schedule of the factors, and their layout in memory."""
        return lu_levels.levels(self)


def plan(
    rows: np.ndarray,
    columns: np.ndarray,
    mass: np.ndarray,
    sample: np.ndarray | None = None,
    most: float = math.inf,
    alphas: Sequence[float] = (),
    form: Form = FORM,
) -> Plan | None:
    """The plan for J with entries at `rows`, `columns`; None where W is singular whatever its numbers are, or the
    factors take more multiplications than `most`.

    `sample`: values of J somewhere, so that algebraic rows get pivots that are large there; `alphas`: some with which
    pivots must serve there.
    """
    n = len(mass)
    rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    states = np.flatnonzero(mass)
    numbers = np.unique(np.concatenate([rows * n + columns, states * (n + 1)]))
    pattern_rows, pattern_columns = numbers // n, numbers % n
    source = np.full(len(numbers), -1, dtype=np.int64)
    source[np.searchsorted(numbers, rows * n + columns)] = np.arange(len(rows))
    sizes = np.ones(len(numbers))
    if sample is not None:
        known = np.abs(np.asarray(sample, dtype=float))
        sizes[source >= 0] = np.where(np.isfinite(known), known, 1.0)[source[source >= 0]]
    found = _matching(pattern_rows, pattern_columns, np.asarray(mass), sizes)
    if found is None:
        return None
    row_of = found
    place_of = np.empty(n, dtype=np.int64)
    place_of[row_of] = np.arange(n)
    eliminated = _eliminated(n, place_of[pattern_rows], pattern_columns, most)
    if eliminated is None:
        return None
    diagonal = np.asarray(mass)[pattern_rows] * (pattern_rows == pattern_columns)

    def planned(order: np.ndarray, left: np.ndarray, top: np.ndarray) -> Plan:
        right = np.bincount(left[top > left], minlength=n)
        below = np.bincount(top[top < left], minlength=n)
        work = int(np.sum(below * right))
        pattern = pattern_rows, pattern_columns, source, diagonal
        return Plan(n, row_of[order], order, left, top, *pattern, work, form)

    plan = planned(*eliminated)
    if sample is not None and alphas:
        known = np.where(np.isfinite(sample), sample, 1.0)
        own = np.where(source >= 0, -known[source], 0.0)
        matrices = np.array([own + alpha * diagonal for alpha in alphas])
        if not all(lu_values.serves(plan, values) for values in matrices):
            chosen = lu_values.ordered(n, pattern_rows, pattern_columns, matrices)
            if chosen is not None:
                row_of, *eliminated = chosen
                plan = planned(*eliminated)
    if plan.written_out:
        return plan
    order, left, top = eliminated
    level = planned(*_moved(lu_levels.ordered(left, top, n), order, left, top))
    return level if level.by_levels or blocks(level).cycles < blocks(plan).cycles else plan


def _moved(
    moved: np.ndarray, order: np.ndarray, left: np.ndarray, top: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same pivots with the same fill in another order, which keeps those first that others wait for."""
    n = len(order)
    place = np.empty(n, dtype=np.int64)
    place[moved] = np.arange(n)
    stored = np.sort(place[left] * n + place[top])
    return order[moved], stored // n, stored % n


def _matching(
    rows: np.ndarray, columns: np.ndarray, mass: np.ndarray, sizes: np.ndarray
) -> np.ndarray | None:
    """The row that each column takes its pivot from: its own for a state; algebraic rows are matched with algebraic
    columns, where that is possible, so that the product of the pivots is large."""
    n = len(mass)
    result, algebraic = np.arange(n), mass == 0
    if not np.any(algebraic):
        return result
    for among in (algebraic, np.ones(n, dtype=bool)):
        kept = among[rows] & among[columns]
        number = np.cumsum(among) - 1
        size = int(among.sum())
        largest = np.full(n, _TINY)
        np.maximum.at(largest, rows[kept], sizes[kept])
        # Costs are positive: zero would be no entry.
        cost = 1.0 + np.log(largest[rows[kept]] / np.maximum(sizes[kept], _TINY * largest[rows[kept]]))
        graph = scipy.sparse.csr_matrix(
            (cost, (number[rows[kept]], number[columns[kept]])), shape=(size, size)
        )
        try:
            of_row, of_column = min_weight_full_bipartite_matching(graph)
        except ValueError:  # there is none
            continue
        places = np.flatnonzero(among)
        result[places[of_column]] = places[of_row]
        return result
    return None


def _eliminated(
    n: int, rows: np.ndarray, columns: np.ndarray, most: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The order of the pivots on the diagonal, and the pattern of the factors in that order, row by row; None where
    that takes more multiplications than `most`."""
    # Entries in rows and columns that are not pivots yet, without the diagonal.
    right: list[set[int]] = [set() for _ in range(n)]
    below: list[set[int]] = [set() for _ in range(n)]
    for i, j in zip(integers(rows), integers(columns), strict=True):
        if i != j:
            right[i].add(j)
            below[j].add(i)
    # The cheapest pivot comes first; what has changed since it was queued is passed over.
    queue = [(len(right[k]) * len(below[k]), k) for k in range(n)]
    heapq.heapify(queue)
    order, number = [], [-1] * n
    while queue and most >= 0:
        cost, k = heapq.heappop(queue)
        if number[k] >= 0 or cost != len(right[k]) * len(below[k]):
            continue
        most -= cost
        number[k] = len(order)
        order.append(k)
        for i in below[k]:
            right[i] |= right[k]
            right[i] -= {i, k}
        for j in right[k]:
            below[j] |= below[k]
            below[j] -= {j, k}
        for m in right[k] | below[k]:
            heapq.heappush(queue, (len(right[m]) * len(below[m]), m))
    if most < 0:
        return None
    entries = [number[k] * (n + 1) for k in range(n)]
    for k in range(n):
        entries += [number[k] * n + number[j] for j in right[k]]
        entries += [number[i] * n + number[k] for i in below[k]]
    stored = np.sort(np.array(entries, dtype=np.int64))
    return np.array(order, dtype=np.int64), stored // n, stored % n


def integers(array: np.ndarray) -> list[int]:
    """The entries as Python's numbers."""
    return [int(k) for k in array]


def assemble(code: Code, plan: Plan, jacobian: Sequence[str], alpha: str) -> list[str]:
    """The entries of W."""
    values = []
    for source, mass in zip(integers(plan.source), plan.mass.tolist(), strict=True):
        if source < 0:
            values.append(code.apply("mul", alpha, code.number(mass)) if mass != 1.0 else alpha)
        elif mass:
            scaled = code.apply("mul", alpha, code.number(mass)) if mass != 1.0 else alpha
            values.append(code.apply("sub", scaled, jacobian[source]))
        else:
            values.append(code.apply("neg", jacobian[source]))
    return values


def factor(code: Arithmetic[V], plan: Plan, w: Sequence[V]) -> list[V]:
    """The factors of the entries `w`, number by number."""
    lu: list[V | None] = [None] * plan.entries
    for value, position in zip(w, integers(plan.positions), strict=True):
        lu[position] = value
    place: list[list[int]] = plan.place.tolist()
    for k in range(plan.n):
        inverse = code.apply("div", code.number(1.0), _present(lu[place[k][k]]))
        lu[place[k][k]] = inverse
        right = [(j, _present(lu[place[k][j]])) for j in plan.right(k)]
        for i in plan.below(k):
            multiplier = code.apply("mul", _present(lu[place[i][k]]), inverse)
            lu[place[i][k]] = multiplier
            for j, value in right:
                product = code.apply("mul", multiplier, value)
                before = lu[place[i][j]]
                after = code.apply("neg", product) if before is None else code.apply("sub", before, product)
                lu[place[i][j]] = after
    return [_present(v) for v in lu]


def _present(value: V | None) -> V:
    assert value is not None, "the pattern of the factors holds all of their entries"
    return value


def solve(code: Arithmetic[V], plan: Plan, lu: Sequence[V], b: Sequence[V]) -> list[V]:
    """W x = b, number by number."""
    place: list[list[int]] = plan.place.tolist()
    z = [b[i] for i in integers(plan.row)]
    for k in range(plan.n):
        for i in plan.below(k):
            z[i] = code.apply("sub", z[i], code.apply("mul", lu[place[i][k]], z[k]))
    for k in reversed(range(plan.n)):
        # The unknown that was found just before is subtracted last.
        for j in reversed(plan.right(k)):
            z[k] = code.apply("sub", z[k], code.apply("mul", lu[place[k][j]], z[j]))
        z[k] = code.apply("mul", z[k], lu[place[k][k]])
    return [z[k] for k in integers(np.argsort(plan.column))]


def emit_assemble(module: IRModule, plan: Plan) -> None:
    """`assemble(alpha, J, W)`: the entries of W, in a loop."""
    code = Code(module, "assemble", [("double", "alpha"), ("ptr", "J"), ("ptr", "W")], attributes="noinline")
    source = module.constants(np.where(plan.source < 0, 0, plan.source).astype(np.int32))
    weight = module.constants((plan.source >= 0).astype(float))
    mass = module.constants(plan.mass.astype(float))
    with code.sweep(len(plan.source)) as e:
        value = code.gather("%J", code.indices(source, e))
        # An entry that is no value of J takes zero times a value of J: a select keeps NaN out of it.
        own = code.apply("ne", code.load_part(weight, e), code.number(0.0))
        value = code.select(own, value, code.number(0.0))
        massive = code.apply("mul", code.same("%alpha"), code.load_part(mass, e))
        code.store_part(code.apply("sub", massive, value), "%W", e)
    code.put("ret void")
    code.finish()


def emit_factor(module: IRModule, plan: Plan) -> None:
    """`factor(W, LU)`."""
    code = Code(module, "factor", [("ptr", "W"), ("ptr", "LU")], attributes="noinline")
    if plan.written_out:
        w = [code.load("%W", e) for e in range(len(plan.source))]
        for e, value in enumerate(factor(code, plan, w)):
            code.store(value, "%LU", e)
    elif plan.by_levels:
        lu_levels.factor(code, plan.levels)
    elif plan.by_columns:
        lu_columns.factor(code, plan)
    else:
        factor_in_loops(code, blocks(plan))
    code.put("ret void")
    code.finish()


def emit_solve(module: IRModule, plan: Plan) -> None:
    """`solve(LU, b, x, z)`, with scratch z (n, and up to a whole block)."""
    ways = lu_narrow.solve, lu_columns.solve, lu_levels.solve
    emit_solving(module, plan, "solve", "b", solve, solve_in_loops, *ways)


def emit_solving(
    module: IRModule,
    plan: Plan,
    name: str,
    right: str,
    unrolled: Callable[..., Sequence[str]],
    in_loops: Callable[..., None],
    narrow: Callable[..., None],
    by_columns: Callable[..., None],
    by_levels: Callable[..., None],
) -> None:
    """`name(LU, right, x, z)`: `unrolled(code, plan, lu, right)` where the plan is written out, or `in_loops`, or
    `narrow`, `by_columns` or `by_levels` where these serve."""
    parameters = [("ptr", "LU"), ("ptr", right), ("ptr", "x"), ("ptr", "z")]
    code = Code(module, name, parameters, attributes="noinline")
    if plan.written_out:
        lu = [code.load("%LU", e) for e in range(plan.entries)]
        given = [code.load(f"%{right}", i) for i in range(plan.n)]
        for j, value in enumerate(unrolled(code, plan, lu, given)):
            code.store(value, "%x", j)
    elif plan.by_levels:
        by_levels(code, plan.levels)
    elif plan.by_columns:
        by_columns(code, plan)
    else:
        layout = blocks(plan)
        (narrow if lu_narrow.is_narrow(layout) else in_loops)(code, layout)
    code.put("ret void")
    code.finish()
