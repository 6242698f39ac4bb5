"""Factors of `lu.py` computed column by column, entry by entry: where rows have so few entries that blocks hold little.

Column by column (as in `pivoted.py`, with a pattern that is known): a column of W is spread over an array, the columns
of L that its entries above the pivot ask for are subtracted from it, and it is stored. Everything is numbered in the
order of elimination. Storage: that array, the inverse pivots, the entries of L and then those of U by columns.
"""

import numpy as np

from stiffdsl.native.factors.lu_blocks import WIDTH, Blocks
from stiffdsl.native.factors.lu_elimination import Elimination
from stiffdsl.native.ir.code import Code


def serves(layout: Blocks) -> bool:
    """Whether columns are faster than blocks."""
    stored = WIDTH * (len(layout.upper) + len(layout.lower))
    return stored > layout.plan.form.column_waste * layout.plan.entries


def storage(plan: Elimination) -> int:
    return plan.n + plan.entries


def _columns(plan: Elimination, lower: bool) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the entries of L, or of U, and where those of a column start."""
    inside = plan.top < plan.left if lower else plan.top > plan.left
    left, top = plan.left[inside], plan.top[inside]
    order = np.lexsort((left, top))
    return left[order], np.searchsorted(top[order], np.arange(plan.n + 1))


class _Parts:
    """Tables and places in the code of one function."""

    def __init__(self, code: Code, plan: Elimination):
        self.code, self.n = code, plan.n
        self.work, self.inverse = "%LU", code.at("%LU", plan.n)
        self.lower = code.at("%LU", 2 * plan.n)
        (lower, lower_start), (upper, upper_start) = (_columns(plan, side) for side in (True, False))
        self.upper = code.at("%LU", 2 * plan.n + len(lower))
        tables = (self.table(t) for t in (lower, lower_start, upper, upper_start))
        self.lower_row, self.lower_start, self.upper_row, self.upper_start = tables

    def table(self, values: np.ndarray) -> str:
        return self.code.module.constants(np.asarray(values, dtype=np.int32))

    def range(self, start: str, k: str) -> tuple[str, str]:
        """The end and the start of column k."""
        code = self.code
        return code.index(start, code.integer("add", k, "1")), code.index(start, k)

    def permuted(self, given: str, places: np.ndarray) -> None:
        table = self.table(places)
        with self.code.loop(self.n) as k:
            self.code.store(self.code.load(given, self.code.index(table, k)), "%z", k)

    def subtract(self, values: str, rows: str, start: str, k: str, factor: str, target: str) -> None:
        """From an array, a column times a number."""
        code = self.code
        with code.loop(*self.range(start, k)) as e:
            i = code.index(rows, e)
            product = code.apply("mul", code.load(values, e), factor)
            code.store(code.apply("sub", code.load(target, i), product), target, i)

    def less(self, values: str, rows: str, start: str, k: str, total: str) -> None:
        """From the variable `total`, a column times what is known."""
        code = self.code
        with code.loop(*self.range(start, k)) as e:
            product = code.apply("mul", code.load(values, e), code.load("%z", code.index(rows, e)))
            code.store(code.apply("sub", code.load(total), product), total)

    def backwards(self, k: str) -> str:
        return self.code.integer("sub", str(self.n - 1), k)


def factor(code: Code, plan: Elimination) -> None:
    """`factor(W, LU)`."""
    parts, zero = _Parts(code, plan), code.number(0.0)
    row, column = np.argsort(plan.row), np.argsort(plan.column)
    at_row, at_column = row[plan.pattern_rows], column[plan.pattern_columns]
    order = np.argsort(at_column, kind="stable")
    entry, entry_row = parts.table(order), parts.table(at_row[order])
    start = parts.table(np.searchsorted(at_column[order], np.arange(plan.n + 1)))
    with code.loop(plan.n) as k:
        code.store(zero, parts.work, k)
    with code.loop(plan.n) as j:
        with code.loop(*parts.range(start, j)) as e:
            code.store(code.load("%W", code.index(entry, e)), parts.work, code.index(entry_row, e))
        with code.loop(*parts.range(parts.upper_start, j)) as e:
            k = code.index(parts.upper_row, e)
            value = code.load(parts.work, k)
            code.store(value, parts.upper, e)
            code.store(zero, parts.work, k)
            parts.subtract(parts.lower, parts.lower_row, parts.lower_start, k, value, parts.work)
        inverse = code.apply("div", code.number(1.0), code.load(parts.work, j))
        code.store(inverse, parts.inverse, j)
        code.store(zero, parts.work, j)
        with code.loop(*parts.range(parts.lower_start, j)) as e:
            i = code.index(parts.lower_row, e)
            code.store(code.apply("mul", code.load(parts.work, i), inverse), parts.lower, e)
            code.store(zero, parts.work, i)


def solve(code: Code, plan: Elimination) -> None:
    """`solve(LU, b, x, z)`."""
    parts = _Parts(code, plan)
    parts.permuted("%b", plan.row)
    column = parts.table(plan.column)
    with code.loop(plan.n) as k:
        parts.subtract(parts.lower, parts.lower_row, parts.lower_start, k, code.load("%z", k), "%z")
    with code.loop(plan.n) as back:
        k = parts.backwards(back)
        value = code.apply("mul", code.load("%z", k), code.load(parts.inverse, k))
        code.store(value, "%x", code.index(column, k))
        parts.subtract(parts.upper, parts.upper_row, parts.upper_start, k, value, "%z")


def solve_transposed(code: Code, plan: Elimination) -> None:
    """`solve_transposed(LU, c, x, z)`."""
    parts, total = _Parts(code, plan), code.variable("double")
    parts.permuted("%c", plan.column)
    row = parts.table(plan.row)
    with code.loop(plan.n) as k:
        code.store(code.load("%z", k), total)
        parts.less(parts.upper, parts.upper_row, parts.upper_start, k, total)
        code.store(code.apply("mul", code.load(total), code.load(parts.inverse, k)), "%z", k)
    with code.loop(plan.n) as back:
        k = parts.backwards(back)
        code.store(code.load("%z", k), total)
        parts.less(parts.lower, parts.lower_row, parts.lower_start, k, total)
        code.store(code.load(total), "%z", k)
        code.store(code.load(total), "%x", code.index(row, k))
