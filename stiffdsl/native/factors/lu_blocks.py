"""Factors of `lu.py` computed in loops over tables: rows in blocks of four columns, for vector registers.

Row by row (Gustavson, in Sparse Matrices and Their Applications, 1972): a row of W is spread over an array, the rows
of U that stand above are subtracted from it, and it is stored. A row of L or U keeps every block of four columns in
which it has an entry, whole, so that one index serves four multiplications and no loop has a remainder; what is no
entry is zero. Every row also keeps the block that holds its pivot's column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stiffdsl.native.factors.lu_elimination import Elimination
from stiffdsl.native.ir.code import Code, IRModule

WIDTH = 4
# Cycles of a processor: to read and multiply a block, and from one row to the next that needs its result.
BLOCK, WAIT = 4, 20
_VECTOR = f"<{WIDTH} x double>"


@dataclass(frozen=True, eq=False)
class Blocks:
    """The layout of a plan's factors in memory: `padded` numbers for a row under way, as many for the inverse pivots,
    then the blocks of U and those of L, row by row; `upper_start[k]` is the first block of row k in U, `upper[q]` the
    first column of block q."""

    plan: Elimination
    upper: np.ndarray
    upper_start: np.ndarray
    lower: np.ndarray
    lower_start: np.ndarray

    @property
    def padded(self) -> int:
        return -(-self.plan.n // WIDTH) * WIDTH

    @property
    def first_upper(self) -> int:
        return 2 * self.padded

    @property
    def first_lower(self) -> int:
        return self.first_upper + WIDTH * len(self.upper)

    @property
    def size(self) -> int:
        return self.first_lower + WIDTH * len(self.lower)

    @property
    def cycles(self) -> int:
        """About what a solve takes, for the comparison of orders: blocks are read, and rows wait for the one before."""
        plan = self.plan
        waiting = sum(
            int(np.sum(self.tied(inside))) for inside in (plan.top < plan.left, plan.top > plan.left)
        )
        return BLOCK * (len(self.upper) + len(self.lower)) + WAIT * waiting

    def tied(self, inside: np.ndarray) -> np.ndarray:
        """Whether a row has one of the entries `inside` in the block of its own pivot."""
        left, top = self.plan.left[inside], self.plan.top[inside]
        return np.bincount(left[left // WIDTH == top // WIDTH], minlength=self.plan.n) > 0

    @cached_property
    def multipliers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The pivots that a row is reduced by, row after row, where in L each multiplier goes, and where those of a
        row start."""
        inside = self.plan.top < self.plan.left
        left, top = self.plan.left[inside], self.plan.top[inside]
        starts = np.searchsorted(left, np.arange(self.plan.n + 1))
        return top, self.places(lower=True) - self.first_lower, starts

    def places(self, lower: bool) -> np.ndarray:
        """Positions of the entries of L, or of U, in the array of factors."""
        n = self.plan.n
        inside = self.plan.top < self.plan.left if lower else self.plan.top > self.plan.left
        left, top = self.plan.left[inside], self.plan.top[inside]
        starts, columns = (self.lower_start, self.lower) if lower else (self.upper_start, self.upper)
        rows = np.repeat(np.arange(n), np.diff(starts))
        q = np.searchsorted(rows * n + columns, left * n + top // WIDTH * WIDTH)
        return (self.first_lower if lower else self.first_upper) + WIDTH * q + top % WIDTH

    @cached_property
    def given(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The entries of W in the order of their rows, their columns, and where those of a row start."""
        plan = self.plan
        at = plan.positions
        order = np.argsort(at)
        starts = np.searchsorted(plan.left[at[order]], np.arange(plan.n + 1))
        return order, plan.top[at[order]], starts


def blocks(plan: Elimination) -> Blocks:
    own = np.arange(plan.n)
    parts = []
    for inside in (plan.top > plan.left, plan.top < plan.left):
        left, top = np.r_[plan.left[inside], own], np.r_[plan.top[inside], own]
        number = np.unique(left * plan.n + top // WIDTH)
        parts += [number % plan.n * WIDTH, np.searchsorted(number // plan.n, np.arange(plan.n + 1))]
    return Blocks(plan, *parts)


class _Vectors:
    """Blocks in the text of a function."""

    def __init__(self, code: Code):
        self.code = code
        self.total = code.variable(_VECTOR)

    def load(self, pointer: str, index: str | int = 0) -> str:
        return self.code.made(f"load {_VECTOR}, ptr {self.code.at(pointer, index)}, align 8")

    def store(self, value: str, pointer: str, index: str | int = 0) -> None:
        self.code.put(f"store {_VECTOR} {value}, ptr {self.code.at(pointer, index)}, align 8")

    def spread(self, number: str) -> str:
        first = self.code.value(f"insertelement {_VECTOR} poison, double {number}, i64 0")
        zeros = f"<{WIDTH} x i32> zeroinitializer"
        return self.code.value(f"shufflevector {_VECTOR} {first}, {_VECTOR} poison, {zeros}")

    def subtract(self, value: str, a: str, b: str) -> str:
        """value - a*b."""
        product = self.code.value(f"fmul contract {_VECTOR} {a}, {b}")
        return self.code.value(f"fsub contract {_VECTOR} {value}, {product}")

    def masked(self, value: str, mask: str) -> str:
        kept = self.code.value(f"fcmp une {_VECTOR} {mask}, zeroinitializer")
        return self.code.value(f"select <{WIDTH} x i1> {kept}, {_VECTOR} {value}, {_VECTOR} zeroinitializer")

    def reduced(self, value: str) -> str:
        symbol = f"@llvm.vector.reduce.fadd.v{WIDTH}f64"
        self.code.module.declare(f"declare double {symbol}(double, {_VECTOR})")
        return self.code.value(
            f"call reassoc double {symbol}(double {self.code.number(-0.0)}, {_VECTOR} {value})"
        )


def _table(module: IRModule, values: np.ndarray | Sequence[int]) -> str:
    return module.constants(np.asarray(values, dtype=np.int32))


def _block(code: Code, q: str) -> str:
    return code.integer("mul", q, str(WIDTH))


def factor_in_loops(code: Code, layout: Blocks) -> None:
    """`factor(W, LU)`."""
    module, n, vectors = code.module, layout.plan.n, _Vectors(code)
    order, columns, starts = (_table(module, part) for part in layout.given)
    pivots, places, first_pivot = (_table(module, part) for part in layout.multipliers)
    upper, upper_start = _table(module, layout.upper), _table(module, layout.upper_start)
    lower, lower_start = _table(module, layout.lower), _table(module, layout.lower_start)
    lanes = np.arange(WIDTH)
    after = module.constants((lanes[None, :] > lanes[:, None]).astype(float))
    row, inverses = "%LU", code.at("%LU", layout.padded)
    of_upper, of_lower = code.at("%LU", layout.first_upper), code.at("%LU", layout.first_lower)

    with code.loop(layout.padded) as k:
        code.store(code.number(0.0), row, k)
    with code.loop(len(layout.lower)) as q:
        vectors.store("zeroinitializer", of_lower, _block(code, q))
    with code.loop(n) as i:
        following = code.integer("add", i, "1")
        with code.loop(code.index(starts, following), code.index(starts, i)) as e:
            value = code.load("%W", code.index(order, e))
            code.store(value, row, code.index(columns, e))
        with code.loop(code.index(first_pivot, following), code.index(first_pivot, i)) as e:
            k = code.index(pivots, e)
            multiplier = code.apply("mul", code.load(row, k), code.load(inverses, k))
            # Not into the row, whose blocks are read next: a processor waits for a number that lies in one.
            code.store(multiplier, of_lower, code.index(places, e))
            spread, next_row = vectors.spread(multiplier), code.integer("add", k, "1")
            with code.loop(code.index(upper_start, next_row), code.index(upper_start, k)) as q:
                at = code.index(upper, q)
                taken = vectors.load(of_upper, _block(code, q))
                vectors.store(vectors.subtract(vectors.load(row, at), spread, taken), row, at)
        code.store(code.apply("div", code.number(1.0), code.load(row, i)), inverses, i)
        first = code.index(upper_start, i)
        side = _block(code, code.integer("and", i, str(WIDTH - 1)))
        middle = vectors.load(row, code.index(upper, first))
        vectors.store(vectors.masked(middle, vectors.load(after, side)), of_upper, _block(code, first))
        with code.loop(code.index(upper_start, following), code.integer("add", first, "1")) as q:
            at = code.index(upper, q)
            vectors.store(vectors.load(row, at), of_upper, _block(code, q))
            vectors.store("zeroinitializer", row, at)
        with code.loop(code.index(lower_start, following), code.index(lower_start, i)) as q:
            vectors.store("zeroinitializer", row, code.index(lower, q))


def solve_in_loops(code: Code, layout: Blocks) -> None:
    """`solve(LU, b, x, z)`."""
    module, plan, vectors = code.module, layout.plan, _Vectors(code)
    row, column = _table(module, plan.row), _table(module, plan.column)
    inverses, whole = code.at("%LU", layout.padded), code.variable("double")
    tied_lower, tied_upper = (
        _table(module, layout.tied(inside)) for inside in (plan.top < plan.left, plan.top > plan.left)
    )

    def reduced(
        k: str, table: str, low: str, high: str, first: int, own: str, tied: str, lanes: Sequence[int]
    ) -> str:
        """z[k] less what the blocks low ... high - 1 of a row say of others, and the block that is its own."""
        pointer = code.at("%LU", first)
        vectors.store("zeroinitializer", vectors.total)
        with code.loop(high, low) as q:
            value = vectors.load("%z", code.index(table, q))
            taken = vectors.load(pointer, _block(code, q))
            vectors.store(vectors.subtract(vectors.load(vectors.total), taken, value), vectors.total)
        total = code.apply("add", code.load("%z", k), vectors.reduced(vectors.load(vectors.total)))
        code.store(total, whole)
        # Number by number, the newest last: a processor waits for a block that has just been written in part. And only
        # where it is needed: rows that do not ask for what was just found need not wait for it.
        with code.when(code.value(f"icmp ne i64 {code.index(tied, k)}, 0")):
            at, block = code.index(table, own), _block(code, own)
            for lane in lanes:
                value = code.load("%z", code.integer("add", at, str(lane)))
                taken = code.load(pointer, code.integer("add", block, str(lane)))
                total = code.apply("sub", total, code.apply("mul", value, taken))
            code.store(total, whole)
        return code.load(whole)

    _permuted(code, layout, "%b", row)
    lower, lower_start = _table(module, layout.lower), _table(module, layout.lower_start)
    with code.loop(plan.n) as k:
        own = code.integer("sub", code.index(lower_start, code.integer("add", k, "1")), "1")
        low = code.index(lower_start, k)
        total = reduced(k, lower, low, own, layout.first_lower, own, tied_lower, range(WIDTH - 1))
        code.store(total, "%z", k)
    upper, upper_start = _table(module, layout.upper), _table(module, layout.upper_start)
    with code.loop(plan.n) as i:
        k = code.integer("sub", str(plan.n - 1), i)
        own, high = code.index(upper_start, k), code.index(upper_start, code.integer("add", k, "1"))
        low = code.integer("add", own, "1")
        total = reduced(k, upper, low, high, layout.first_upper, own, tied_upper, range(WIDTH - 1, 0, -1))
        value = code.apply("mul", total, code.load(inverses, k))
        code.store(value, "%z", k)
        code.store(value, "%x", code.index(column, k))


def solve_transposed_in_loops(code: Code, layout: Blocks) -> None:
    """`solve_transposed(LU, c, x, z)`: what a row has found is subtracted where its entries lie."""
    module, plan, vectors = code.module, layout.plan, _Vectors(code)
    row, column = _table(module, plan.row), _table(module, plan.column)
    inverses = code.at("%LU", layout.padded)

    def subtract(k: str, value: str, table: str, starts: str, first: int) -> None:
        pointer, following = code.at("%LU", first), code.integer("add", k, "1")
        spread = vectors.spread(value)
        with code.loop(code.index(starts, following), code.index(starts, k)) as q:
            at = code.index(table, q)
            taken = vectors.load(pointer, _block(code, q))
            vectors.store(vectors.subtract(vectors.load("%z", at), spread, taken), "%z", at)

    _permuted(code, layout, "%c", column)
    upper, upper_start = _table(module, layout.upper), _table(module, layout.upper_start)
    with code.loop(plan.n) as k:
        value = code.apply("mul", code.load("%z", k), code.load(inverses, k))
        code.store(value, "%z", k)
        subtract(k, value, upper, upper_start, layout.first_upper)
    lower, lower_start = _table(module, layout.lower), _table(module, layout.lower_start)
    with code.loop(plan.n) as i:
        k = code.integer("sub", str(plan.n - 1), i)
        value = code.load("%z", k)
        code.store(value, "%x", code.index(row, k))
        subtract(k, value, lower, lower_start, layout.first_lower)


def _permuted(code: Code, layout: Blocks, given: str, places: str) -> None:
    """A right side into z, in the order of the pivots; what fills its last block is zero."""
    n = layout.plan.n
    with code.loop(n) as k:
        code.store(code.load(given, code.index(places, k)), "%z", k)
    for k in range(n, layout.padded):
        code.store(code.number(0.0), "%z", k)
