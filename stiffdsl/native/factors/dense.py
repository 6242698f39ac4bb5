"""LU with partial pivoting of a whole matrix: what a step falls back on where the pivots planned ahead are bad."""

import numpy as np

from stiffdsl.native.factors.lu import Plan
from stiffdsl.native.ir.code import COLD, Code, IRModule


def emit_dense_factor(module: IRModule, plan: Plan) -> None:
    """`pivoted_factor(W, A, pivots)`: A (n, n) gets the factors of the entries W, row by row; the pivots inverted."""
    code = Code(module, "pivoted_factor", [("ptr", "W"), ("ptr", "A"), ("ptr", "pivots")], attributes=COLD)
    n = plan.n
    flat = module.constants((plan.pattern_rows * n + plan.pattern_columns).astype(np.int32))
    with code.loop(n * n) as e:
        code.store(code.number(0.0), "%A", e)
    with code.loop(len(plan.source)) as e:
        code.store(code.load("%W", e), "%A", code.index(flat, e))
    best, most = code.variable("i64"), code.variable("double")
    with code.loop(n) as k:
        diagonal = code.integer("mul", k, str(n + 1))
        below = code.integer("add", k, "1")
        code.store(k, best, kind="i64")
        code.store(code.apply("abs", code.load("%A", diagonal)), most)
        with code.loop(n, below) as i:
            entry = code.integer("add", code.integer("mul", i, str(n)), k)
            size = code.apply("abs", code.load("%A", entry))
            with code.when(code.apply("gt", size, code.load(most))):
                code.store(size, most)
                code.store(i, best, kind="i64")
        chosen = code.load(best, kind="i64")
        code.store(code.to_real(chosen), "%pivots", k)
        own, other = code.integer("mul", k, str(n)), code.integer("mul", chosen, str(n))
        with code.loop(n) as j:
            a, b = code.integer("add", own, j), code.integer("add", other, j)
            first, second = code.load("%A", a), code.load("%A", b)
            code.store(second, "%A", a)
            code.store(first, "%A", b)
        inverse = code.apply("div", code.number(1.0), code.load("%A", diagonal))
        code.store(inverse, "%A", diagonal)
        with code.loop(n, below) as i:
            row = code.integer("mul", i, str(n))
            entry = code.integer("add", row, k)
            multiplier = code.apply("mul", code.load("%A", entry), inverse)
            code.store(multiplier, "%A", entry)
            with code.when(code.apply("ne", multiplier, code.number(0.0))), code.loop(n, below) as j:
                place = code.integer("add", row, j)
                product = code.apply("mul", multiplier, code.load("%A", code.integer("add", own, j)))
                code.store(code.apply("sub", code.load("%A", place), product), "%A", place)
    code.put("ret void")
    code.finish()


def emit_dense_solve(module: IRModule, plan: Plan) -> None:
    """`pivoted_solve(A, pivots, b, x)`."""
    code = Code(
        module,
        "pivoted_solve",
        [("ptr", "A"), ("ptr", "pivots"), ("ptr", "b"), ("ptr", "x")],
        attributes=COLD,
    )
    n = plan.n
    with code.loop(n) as i:
        code.store(code.load("%b", i), "%x", i)
    with code.loop(n) as k:
        chosen = code.to_integer(code.load("%pivots", k))
        first, second = code.load("%x", k), code.load("%x", chosen)
        code.store(first, "%x", chosen)
        code.store(second, "%x", k)
    total = code.variable("double")

    def subtract(i: str, low: str, high: str) -> None:
        code.store(code.load("%x", i), total)
        row = code.integer("mul", i, str(n))
        with code.loop(high, low) as j:
            product = code.apply("mul", code.load("%A", code.integer("add", row, j)), code.load("%x", j))
            code.store(code.apply("sub", code.load(total), product), total)

    with code.loop(n) as i:
        subtract(i, "0", i)
        code.store(code.load(total), "%x", i)
    with code.loop(n) as back:
        i = code.integer("sub", str(n - 1), back)
        subtract(i, code.integer("add", i, "1"), str(n))
        diagonal = code.load("%A", code.integer("mul", i, str(n + 1)))
        code.store(code.apply("mul", code.load(total), diagonal), "%x", i)
    code.put("ret void")
    code.finish()


def emit_dense_solve_transposed(module: IRModule, plan: Plan) -> None:
    """`pivoted_solve_transposed(A, pivots, c, x)`."""
    parameters = [("ptr", "A"), ("ptr", "pivots"), ("ptr", "c"), ("ptr", "x")]
    code = Code(module, "pivoted_solve_transposed", parameters, attributes=COLD)
    n = plan.n
    total = code.variable("double")

    def subtract(i: str, low: str, high: str) -> None:
        with code.loop(high, low) as j:
            entry = code.load("%A", code.integer("add", code.integer("mul", j, str(n)), i))
            product = code.apply("mul", entry, code.load("%x", j))
            code.store(code.apply("sub", code.load(total), product), total)

    with code.loop(n) as i:
        code.store(code.load("%c", i), total)
        subtract(i, "0", i)
        diagonal = code.load("%A", code.integer("mul", i, str(n + 1)))
        code.store(code.apply("mul", code.load(total), diagonal), "%x", i)
    with code.loop(n) as back:
        i = code.integer("sub", str(n - 1), back)
        code.store(code.load("%x", i), total)
        subtract(i, code.integer("add", i, "1"), str(n))
        code.store(code.load(total), "%x", i)
    with code.loop(n) as back:
        k = code.integer("sub", str(n - 1), back)
        chosen = code.to_integer(code.load("%pivots", k))
        first, second = code.load("%x", k), code.load("%x", chosen)
        code.store(first, "%x", chosen)
        code.store(second, "%x", k)
    code.put("ret void")
    code.finish()
