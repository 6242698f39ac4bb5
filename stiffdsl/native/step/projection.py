"""The way back to the invariants (`solve/integrate/projection.py`) as one function of the program.

    project(t, y, p, u, atol, rtol) = y*

Written in the operations of programs, it is derived by time, along directions and in reverse as the equations are.
"""

import numpy as np

from stiffdsl.native.factors import lu
from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.derivatives.forward import copied
from stiffdsl.program.program import Function, Program
from stiffdsl.solve.integrate import projection

ARGUMENTS = ("t", "y", "p", "u", "atol", "rtol")
# The factors of constraints are written out number by number.
MULTIPLICATIONS = 2000


def projection_of(program: Program) -> tuple[Function, dict[str, np.ndarray]] | None:
    """`project` and its tables; None where the constraints are too many to be written out."""
    moves = _Moves(program)
    if moves.plan is None:
        return None
    b, n = moves.b, program.size
    start = b.input("y", n)
    allowed = b.apply(
        "add", b.input("atol", n), b.apply("mul", b.element(b.input("rtol", 1), 0), b.apply("abs", start))
    )
    share = b.apply("div", allowed, _largest(b, allowed, np.flatnonzero(program.counted)))
    share = b.apply(
        "select", b.apply("gt", share, b.number(projection.LEAST)), share, b.number(projection.LEAST)
    )
    weight, moved = b.apply("mul", share, share), start
    for _ in range(projection.MOVES):
        moved = moves.moved(moved, weight)
    finite = b.number(0.0)
    for k in range(n):
        value = b.element(moved, k)
        finite = b.apply("add", finite, b.apply("sub", value, value))
    result = b.apply("select", b.apply("eq", finite, b.number(0.0)), moved, start)
    ops, *_ = b.needed(b.full(result, n))
    return Function("project", ARGUMENTS, "The nearest y that holds the invariants.", ops), b.tables.arrays


def projection_behind(program: Program) -> tuple[Function, dict[str, np.ndarray]] | None:
    """`behind(t, y, p, u, was) -> (n + 1,)`, as `Projection.behind`: y, then 1 where that is possible, else 0; and its
    tables. None where the constraints are too many to be written out."""
    moves = _Moves(program)
    if moves.plan is None:
        return None
    b, n, pairs = moves.b, program.size, moves.pairs
    y, was = b.input("y", n), b.input("was", n)
    count, zero, one = pairs.count, b.number(0.0), b.number(1.0)

    def violated(at: int) -> int:
        terms = b.apply("abs", b.apply("mul", moves.of("invariants_jacobian", at), b.take(at, pairs.columns)))
        size = b.full(b.total(b.full(terms, len(pairs.rows)), pairs.rows, count), count)
        far = b.apply("abs", moves.of("invariants", at))
        wrong = b.apply("gt", far, b.apply("mul", b.number(projection.HOLDS), size))
        return b.full(b.apply("select", wrong, one, zero), count)

    def any_of(flags: int, length: int) -> int:
        return b.apply("gt", b.element(b.full(b.total(flags, np.zeros(length, dtype=int), 1), 1), 0), zero)

    wrong = violated(y)
    right = b.full(b.apply("sub", one, wrong), count)
    moving, staying = (
        b.apply("gt", b.total(b.full(b.take(flags, pairs.rows), len(pairs.rows)), pairs.columns, n), zero)
        for flags in (wrong, right)
    )
    stays = b.apply("or", staying, b.apply("ne", y, was))
    free = b.apply("and", moving, b.apply("not", stays))
    weight = b.full(b.apply("select", free, one, b.number(projection.LEAST**2)), n)
    moved = y
    for _ in range(projection.MOVES_BEHIND):
        moved = moves.moved(moved, weight)
    size = b.apply("add", b.apply("abs", y), b.apply("abs", was))
    far = b.apply(
        "gt", b.apply("abs", b.apply("sub", moved, y)), b.apply("mul", b.number(projection.HOLDS), size)
    )
    off = b.full(b.apply("select", b.apply("and", far, b.apply("not", free)), one, zero), n)
    at_all = any_of(wrong, count)
    failed = b.apply("or", any_of(violated(moved), count), any_of(off, n))
    good = b.apply("select", b.apply("and", at_all, failed), zero, one)
    # What does not move keeps its digits.
    result = b.apply("select", b.apply("and", at_all, free), moved, y)
    ops, *_ = b.needed(b.concatenate([b.full(result, n), b.full(good, 1)]))
    arguments = ("t", "y", "p", "u", "was")
    return Function(
        "behind", arguments, "y behind an event, where the invariants hold.", ops
    ), b.tables.arrays


def _largest(b: Builder, vector: int, entries: np.ndarray) -> int:
    largest = b.element(vector, int(entries[0]))
    for k in entries[1:].tolist():
        value = b.element(vector, k)
        largest = b.apply("select", b.apply("gt", value, largest), value, largest)
    return largest


class _Moves:
    """`moved(y, weight)`: y - W G^T (G W G^T)^-1 g(y)."""

    def __init__(self, program: Program):
        self.b = Builder(ConstantTables())
        self.program = program
        count = sum(family.size for family in program.system.invariants)
        self.pairs = pairs = projection.Pairs(program.invariant_rows, program.invariant_columns, count)
        rows, columns = pairs.pattern
        # Pivots lie on the diagonal of a matrix that is symmetric and positive.
        sizes = np.where(rows == columns, 1.0, 1e-3)
        self.plan = lu.plan(rows, columns, np.zeros(pairs.count), sizes, MULTIPLICATIONS)

    def moved(self, y: int, weight: int) -> int:
        b, pairs, plan = self.b, self.pairs, self.plan
        assert plan is not None, "there are factors"
        n, count = self.program.size, pairs.count
        g, G = self.of("invariants", y), self.of("invariants_jacobian", y)
        weights = b.take(weight, pairs.columns[pairs.left])
        products = b.apply("mul", b.apply("mul", b.take(G, pairs.left), weights), b.take(G, pairs.right))
        products = b.full(products, len(pairs.left))
        sums = b.full(b.total(products, pairs.place, len(pairs.pattern[0])), len(pairs.pattern[0]))
        values = [b.element(sums, k) for k in range(len(pairs.pattern[0]))]
        for k in pairs.diagonal.tolist():
            values[k] = b.apply("mul", b.number(1 + projection.REGULAR), values[k])
        factors = lu.factor(b, plan, values)
        multiplier = b.stack(lu.solve(b, plan, factors, [b.element(g, k) for k in range(count)]))
        pulls = b.full(b.apply("mul", G, b.take(multiplier, pairs.rows)), len(pairs.rows))
        pull = b.total(pulls, pairs.columns, n)
        return b.full(b.apply("sub", y, b.apply("mul", weight, pull)), n)

    def of(self, name: str, y: int) -> int:
        """A function of the program at y, as a vector."""
        function, b = self.program.by_name[name], self.b
        values: list[int] = []
        for op in function.ops:
            if op.name == "input" and op.data == "y":
                values.append(y)
            else:
                values.append(copied(b, self.program.tables, op, [values[a] for a in op.args]))
        return b.full(values[-1], function.ops[-1].size or 1)
