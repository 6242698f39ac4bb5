"""The transpose of `W x = b` with the factors of `lu.py`: what derivatives in reverse solve with."""

from collections.abc import Sequence

from stiffdsl.native.factors import lu_columns, lu_levels, lu_narrow
from stiffdsl.native.factors.lu import Plan, emit_solving, integers
from stiffdsl.native.factors.lu_blocks import solve_transposed_in_loops
from stiffdsl.native.ir.code import Code, IRModule


def solve_transposed(code: Code, plan: Plan, lu: Sequence[str], c: Sequence[str]) -> list[str]:
    """The transpose of W times x = c, number by number."""
    place: list[list[int]] = plan.place.tolist()
    z = [c[j] for j in integers(plan.column)]
    for k in range(plan.n):
        z[k] = code.apply("mul", z[k], lu[place[k][k]])
        for j in plan.right(k):
            z[j] = code.apply("sub", z[j], code.apply("mul", lu[place[k][j]], z[k]))
    for k in reversed(range(plan.n)):
        for i in reversed(plan.below(k)):
            z[k] = code.apply("sub", z[k], code.apply("mul", lu[place[i][k]], z[i]))
    x = [""] * plan.n
    for k, i in enumerate(integers(plan.row)):
        x[i] = z[k]
    return x


def emit_solve_transposed(module: IRModule, plan: Plan) -> None:
    """`solve_transposed(LU, c, x, z)`, with scratch z (n): the transpose of W times x = c."""
    ways = (way.solve_transposed for way in (lu_narrow, lu_columns, lu_levels))
    emit_solving(module, plan, "solve_transposed", "c", solve_transposed, solve_transposed_in_loops, *ways)
