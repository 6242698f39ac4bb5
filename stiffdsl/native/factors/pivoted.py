"""LU with pivots as they come, `pivoted_factor` and its solves: what a step falls back on where those planned are bad.

A few unknowns take a whole matrix (`dense.py`). Beyond, factors are sparse: column by column (J. R. Gilbert and T.
Peierls, SIAM J. Sci. Stat. Comput. 9:862, 1988), columns in the order of the plan, whose own pivot is kept where it is
not small beside the others. Which earlier columns a column needs is kept in bits, the lowest of which comes next.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.native.factors import dense
from stiffdsl.native.factors.lu import Plan
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.step.layout import Areas

# A planned pivot is kept that is at least so large beside the largest of its column.
KEPT = 0.1
# Room for factors, as multiples of the planned ones.
ROOM = 12


def _is_dense(plan: Plan) -> bool:
    """Whether a whole matrix takes no longer."""
    return plan.n <= plan.form.dense_pivoting


def storage(plan: Plan) -> int:
    """Doubles of the array `A`."""
    return plan.n**2 if _is_dense(plan) else _areas(plan).size


def emit_pivoted_factor(module: IRModule, plan: Plan) -> None:
    """`pivoted_factor(W, A, pivots)`."""
    (dense.emit_dense_factor if _is_dense(plan) else _emit_factor)(module, plan)


def emit_pivoted_solve(module: IRModule, plan: Plan) -> None:
    """`pivoted_solve(A, pivots, b, x)`."""
    (dense.emit_dense_solve if _is_dense(plan) else _emit_solve)(module, plan)


def emit_pivoted_solve_transposed(module: IRModule, plan: Plan) -> None:
    """`pivoted_solve_transposed(A, pivots, c, x)`."""
    (dense.emit_dense_solve_transposed if _is_dense(plan) else _emit_solve_transposed)(module, plan)


def _areas(plan: Plan) -> Areas:
    """`rank[i]`: which pivot row i became, -1 before; `row[k]` the reverse. L and U by columns: rows of W, and numbers
    of pivots; pivots lie inverted in `inverse`."""
    n = plan.n
    room = min(n * (n - 1) // 2 + 1, ROOM * plan.entries + 16 * n)
    sizes = [("full", 1), ("words", -(-n // 64))]
    sizes += [(name, n) for name in ("rank", "row", "seen", "work", "waiting", "inverse")]
    sizes += [("lower_start", n + 1), ("upper_start", n + 1)]
    sizes += [(name, room) for name in ("lower_at", "lower", "upper_at", "upper")]
    return Areas(tuple(sizes))


@dataclass(frozen=True)
class _Arrays:
    """The arrays inside of `A`, in the code of one function."""

    code: Code
    areas: Areas

    def at(self, name: str) -> str:
        return self.code.at("%A", self.areas[name])

    def whole(self, name: str, k: str | int = 0) -> str:
        """An integer."""
        return self.code.load(self.at(name), k, "i64")

    def set(self, name: str, k: str | int, value: str) -> None:
        self.code.store(value, self.at(name), k, "i64")

    def real(self, name: str, k: str | int) -> str:
        return self.code.load(self.at(name), k)

    def put(self, name: str, k: str | int, value: str) -> None:
        self.code.store(value, self.at(name), k)


def _function(module: IRModule, name: str, plan: Plan, *arguments: str) -> tuple[Code, _Arrays]:
    code = Code(module, name, [("ptr", a) for a in arguments], attributes="noinline cold")
    return code, _Arrays(code, _areas(plan))


def _table(module: IRModule, values: np.ndarray) -> str:
    return module.constants(np.asarray(values, dtype=np.int32))


def _emit_factor(module: IRModule, plan: Plan) -> None:
    """`pivoted_factor(W, A, pivots)`, column by column."""
    code, A = _function(module, "pivoted_factor", plan, "W", "A", "pivots")
    n, room = plan.n, dict(A.areas.sizes)["upper"]
    inverse_column = np.argsort(plan.column)
    order = np.argsort(inverse_column[plan.pattern_columns], kind="stable")
    starts = np.searchsorted(inverse_column[plan.pattern_columns][order], np.arange(n + 1))
    entry, entry_row = _table(module, order), _table(module, plan.pattern_rows[order])
    start, planned = _table(module, starts), _table(module, plan.row)
    module.declare("declare i64 @llvm.cttz.i64(i64, i1)")
    column = _Column(code, A, room)
    A.set("full", 0, "0")
    with code.loop(-(-n // 64)) as w:
        A.set("words", w, "0")
    with code.loop(n) as i:
        A.set("rank", i, "-1")
        A.set("seen", i, "-1")
    with code.loop(n) as j:
        code.store("0", column.waiting, kind="i64")
        A.set("upper_start", j, code.load(column.above, kind="i64"))
        A.set("lower_start", j, code.load(column.below, kind="i64"))
        following = code.integer("add", j, "1")
        with code.loop(code.index(start, following), code.index(start, j)) as e:
            i = code.index(entry_row, e)
            A.set("seen", i, j)
            A.put("work", i, code.load("%W", code.index(entry, e)))
            column.note(i)
        column.eliminate(j)
        column.divide(j, *column.pivot(j, planned))
        A.set("lower_start", following, code.load(column.below, kind="i64"))
        A.set("upper_start", following, code.load(column.above, kind="i64"))
    code.put("ret void")
    code.finish()


class _Column:
    """Code for one column of the factors: `waiting` rows may become its pivot, `below` and `above` are the numbers of
    entries of L and U so far."""

    def __init__(self, code: Code, A: _Arrays, room: int):
        self.code, self.A, self.room = code, A, room
        self.waiting, self.below, self.above = (code.variable("i64", "0") for _ in range(3))
        self.best, self.most, self.own = (
            code.variable("i64"),
            code.variable("double"),
            code.variable("double"),
        )

    def note(self, i: str) -> None:
        """Notes a row that the column has an entry in: its pivot comes, or it may become one."""
        code, A = self.code, self.A
        k = A.whole("rank", i)
        with code.choice(code.value(f"icmp sge i64 {k}, 0")) as (yes, no):
            with yes:
                word = code.integer("lshr", k, "6")
                bit = code.integer("shl", "1", code.integer("and", k, "63"))
                A.set("words", word, code.integer("or", A.whole("words", word), bit))
            with no:
                count = code.load(self.waiting, kind="i64")
                A.set("waiting", count, i)
                code.store(code.integer("add", count, "1"), self.waiting, kind="i64")

    def eliminate(self, j: str) -> None:
        """Subtracts the earlier columns that column j needs, in their order, and stores its entries of U."""
        code, A = self.code, self.A
        with (
            code.loop(code.integer("add", code.integer("lshr", j, "6"), "1")) as w,
            code.forever() as popping,
        ):
            bits = A.whole("words", w)
            code.leave(popping, code.value(f"icmp eq i64 {bits}, 0"))
            lowest = code.call("llvm.cttz.i64", f"i64 {bits}", "i1 true", result="i64")
            A.set("words", w, code.integer("and", bits, code.integer("sub", bits, "1")))
            k = code.integer("add", code.integer("shl", w, "6"), lowest)
            value = A.real("work", A.whole("row", k))
            place = code.load(self.above, kind="i64")
            A.set("upper_at", place, k)
            A.put("upper", place, value)
            _advance(code, A, self.above, place, self.room)
            low, high = A.whole("lower_start", k), A.whole("lower_start", code.integer("add", k, "1"))
            with code.loop(high, low) as e:
                i = A.whole("lower_at", e)
                fresh = code.value(f"icmp ne i64 {A.whole('seen', i)}, {j}")
                with code.when(fresh):
                    A.set("seen", i, j)
                    A.put("work", i, code.number(0.0))
                    self.note(i)
                product = code.apply("mul", A.real("lower", e), value)
                A.put("work", i, code.apply("sub", A.real("work", i), product))

    def pivot(self, j: str, planned: str) -> tuple[str, str]:
        """The row of the largest pivot, or the planned one where that is not small beside it; and how many waited."""
        code, A, best, most, own = self.code, self.A, self.best, self.most, self.own
        count, wanted = code.load(self.waiting, kind="i64"), code.index(planned, j)
        code.store("0", best, kind="i64")
        code.store(code.number(-1.0), most)
        code.store(code.number(-1.0), own)
        with code.loop(count) as c:
            i = A.whole("waiting", c)
            size = code.apply("abs", A.real("work", i))
            with code.when(code.apply("gt", size, code.load(most))):
                code.store(size, most)
                code.store(i, best, kind="i64")
            with code.when(code.value(f"icmp eq i64 {i}, {wanted}")):
                code.store(size, own)
        large = code.apply("mul", code.number(KEPT), code.load(most))
        kept = code.apply(
            "and", code.apply("ge", code.load(own), large), code.apply("gt", code.load(own), code.number(0.0))
        )
        r = code.value(f"select i1 {kept}, i64 {wanted}, i64 {code.load(best, kind='i64')}")
        none = code.apply("not", code.apply("gt", code.load(most), code.number(0.0)))
        with code.when(none):
            # Singular, or not finite: so is what is solved.
            A.set("full", 0, "1")
            code.put("ret void")
            code.label("singular")
        return r, count

    def divide(self, j: str, r: str, count: str) -> None:
        """Makes row r the pivot of column j, and stores the other rows that waited as its entries of L."""
        code, A = self.code, self.A
        inverse = code.apply("div", code.number(1.0), A.real("work", r))
        A.put("inverse", j, inverse)
        A.set("rank", r, j)
        A.set("row", j, r)
        with code.loop(count) as c:
            i = A.whole("waiting", c)
            with code.when(code.value(f"icmp ne i64 {i}, {r}")):
                place = code.load(self.below, kind="i64")
                A.set("lower_at", place, i)
                A.put("lower", place, code.apply("mul", A.real("work", i), inverse))
                _advance(code, A, self.below, place, self.room)


def _advance(code: Code, A: _Arrays, count: str, place: str, room: int) -> None:
    """One more entry is taken; what does not fit is as if singular."""
    code.store(code.integer("add", place, "1"), count, kind="i64")
    with code.when(code.value(f"icmp sge i64 {place}, {room - 1}")):
        A.set("full", 0, "1")
        code.put("ret void")
        code.label(f"full{len(code._lines)}")


def _opened(code: Code, A: _Arrays, n: int) -> None:
    """Returns no number where there are no factors."""
    with code.when(code.value(f"icmp ne i64 {A.whole('full')}, 0")):
        with code.loop(n) as i:
            code.store(code.number(float("nan")), "%x", i)
        code.put("ret void")
        code.label("serves")


def _emit_solve(module: IRModule, plan: Plan) -> None:
    code, A = _function(module, "pivoted_solve", plan, "A", "pivots", "b", "x")
    n, column = plan.n, _table(module, plan.column)
    _opened(code, A, n)
    with code.loop(n) as i:
        A.put("work", i, code.load("%b", i))
    with code.loop(n) as k:
        value, following = A.real("work", A.whole("row", k)), code.integer("add", k, "1")
        with code.loop(A.whole("lower_start", following), A.whole("lower_start", k)) as e:
            i = A.whole("lower_at", e)
            A.put(
                "work", i, code.apply("sub", A.real("work", i), code.apply("mul", A.real("lower", e), value))
            )
        code.store(value, "%pivots", k)
    with code.loop(n) as back:
        k = code.integer("sub", str(n - 1), back)
        value, following = (
            code.apply("mul", code.load("%pivots", k), A.real("inverse", k)),
            code.integer("add", k, "1"),
        )
        with code.loop(A.whole("upper_start", following), A.whole("upper_start", k)) as e:
            i = A.whole("upper_at", e)
            product = code.apply("mul", A.real("upper", e), value)
            code.store(code.apply("sub", code.load("%pivots", i), product), "%pivots", i)
        code.store(value, "%x", code.index(column, k))
    code.put("ret void")
    code.finish()


def _emit_solve_transposed(module: IRModule, plan: Plan) -> None:
    code, A = _function(module, "pivoted_solve_transposed", plan, "A", "pivots", "c", "x")
    n, column = plan.n, _table(module, plan.column)
    total = code.variable("double")

    def less(k: str, start: str, values: str, at: str, source: str) -> None:
        """From the total, the entries of a column times what is known."""
        with code.loop(A.whole(start, code.integer("add", k, "1")), A.whole(start, k)) as e:
            known = code.load(source, A.whole(at, e))
            code.store(
                code.apply("sub", code.load(total), code.apply("mul", A.real(values, e), known)), total
            )

    _opened(code, A, n)
    with code.loop(n) as k:
        code.store(code.load("%c", code.index(column, k)), total)
        less(k, "upper_start", "upper", "upper_at", "%pivots")
        code.store(code.apply("mul", code.load(total), A.real("inverse", k)), "%pivots", k)
    with code.loop(n) as back:
        k = code.integer("sub", str(n - 1), back)
        code.store(code.load("%pivots", k), total)
        less(k, "lower_start", "lower", "lower_at", A.at("work"))
        A.put("work", A.whole("row", k), code.load(total))
    with code.loop(n) as i:
        code.store(A.real("work", i), "%x", i)
    code.put("ret void")
    code.finish()
