"""The transpose of `W x = b` with the factors of `lu.py`: what derivatives in reverse solve with."""

from collections.abc import Sequence

import numpy as np

from stiffdsl.runtime.native import lu as factors
from stiffdsl.runtime.native.code import Code, Module
from stiffdsl.runtime.native.lu import Plan, integers


def solve_transposed(code: Code, plan: Plan, lu: Sequence[str], c: Sequence[str]) -> list[str]:
    """The transpose of W times x = c, number by number."""
    place: list[list[int]] = plan.place.tolist()
    z = [c[j] for j in integers(plan.column)]
    for k in range(plan.n):
        z[k] = code.apply("mul", z[k], lu[place[k][k]])
        for j in plan.right(k):
            z[j] = code.apply("sub", z[j], code.apply("mul", lu[place[k][j]], z[k]))
    for k in reversed(range(plan.n)):
        for i in plan.below(k):
            z[k] = code.apply("sub", z[k], code.apply("mul", lu[place[i][k]], z[i]))
    x = [""] * plan.n
    for k, i in enumerate(integers(plan.row)):
        x[i] = z[k]
    return x


def emit_solve_transposed(module: Module, plan: Plan) -> None:
    """`solve_transposed(LU, c, x, z)`, with scratch z (n): the transpose of W times x = c."""
    parameters = [("ptr", "LU"), ("ptr", "c"), ("ptr", "x"), ("ptr", "z")]
    code = Code(module, "solve_transposed", parameters, attributes="noinline")
    if plan.multiplications <= factors.STRAIGHT:
        lu = [code.load("%LU", e) for e in range(plan.entries)]
        c = [code.load("%c", i) for i in range(plan.n)]
        for j, value in enumerate(solve_transposed(code, plan, lu, c)):
            code.store(value, "%x", j)
    else:
        _solve_transposed_in_loops(code, plan)
    code.put("ret void")
    code.finish()


def _solve_transposed_in_loops(code: Code, plan: Plan) -> None:
    """Row by row: what a row has found is subtracted where its entries lie."""
    module = code.module
    starts = np.searchsorted(plan.left, np.arange(plan.n + 1)).astype(np.int32)
    start, pivot = module.constants(starts), module.constants(np.diag(plan.place).astype(np.int32))
    top = module.constants(plan.top.astype(np.int32))
    row, column = module.constants(plan.row.astype(np.int32)), module.constants(plan.column.astype(np.int32))

    def subtract(low: str, high: str, value: str) -> None:
        with code.loop(high, low) as e:
            place = code.index(top, e)
            product = code.apply("mul", code.load("%LU", e), value)
            code.store(code.apply("sub", code.load("%z", place), product), "%z", place)

    with code.loop(plan.n) as k:
        code.store(code.load("%c", code.index(column, k)), "%z", k)
    with code.loop(plan.n) as k:
        diagonal, following = code.index(pivot, k), code.integer("add", k, "1")
        value = code.apply("mul", code.load("%z", k), code.load("%LU", diagonal))
        code.store(value, "%z", k)
        subtract(code.integer("add", diagonal, "1"), code.index(start, following), value)
    with code.loop(plan.n) as i:
        k = code.integer("sub", str(plan.n - 1), i)
        value = code.load("%z", k)
        code.store(value, "%x", code.index(row, k))
        subtract(code.index(start, k), code.index(pivot, k), value)
