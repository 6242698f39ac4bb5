"""Factors of `alpha M - J` in a static order, as kernels: a linear solver for the methods that step in JAX.

What a factorization leaves is one array: whether its pivots serve, the factors, and the entries of W. Where they do not
serve (a solve is put back into W), every solve takes pivots as they come.
"""

from typing import Any

from stiffdsl.native.factors.lu import Plan, emit_assemble, emit_factor, emit_solve
from stiffdsl.native.factors.lu_transposed import emit_solve_transposed
from stiffdsl.native.factors.pivoted import (
    emit_pivoted_factor,
    emit_pivoted_solve,
    emit_pivoted_solve_transposed,
    storage,
)
from stiffdsl.native.host import engine, ffi
from stiffdsl.native.host.call import Kernel, emit_lanes
from stiffdsl.native.host.engine import Library
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.step.attempt import emit_check

# Numbers before the factors: the first says whether they serve.
HEAD = 8


class FactorKernels:
    """`solve.linear.Direct` for one plan, whose J has `values` entries. `seldom`: see `engine.load`."""

    def __init__(self, key: str, plan: Plan, values: int, seldom: bool = False):
        self.key, self.plan, self._seldom = f"{key}.factors", plan, seldom
        n, size = plan.n, HEAD + plan.storage + len(plan.source)
        self._library: Library | None = None
        self._factor = self._kernel("factor_w", [(values,), ()], size)
        self._solve = self._kernel("solve_w", [(size,), (n,)], n)
        self._solve_transposed = self._kernel("solve_w_transposed", [(size,), (n,)], n)

    def factor(self, jacobian: Any, alpha: Any) -> Any:
        return self._factor(jacobian, alpha)

    def solve(self, lu: Any, b: Any) -> Any:
        return self._solve(lu, b)

    def solve_transposed(self, lu: Any, b: Any) -> Any:
        return self._solve_transposed(lu, b)

    def _kernel(self, name: str, shapes: list[tuple[int, ...]], result: int) -> Kernel:
        return Kernel(lambda: self._target(name), shapes, (result,))

    def _target(self, name: str) -> str:
        if self._library is None:
            self._library = engine.load(self.key, lambda: emit(self.plan), self._seldom)
        return ffi.register(f"stiffdsl_{self.key}.{name}", self._library, f"{name}_handler")


def emit(plan: Plan) -> str:
    """The module: `factor_w(J, alpha)`, `solve_w(lu, b)`, `solve_w_transposed(lu, b)`, for lanes."""
    module = IRModule(plan.form)
    emit_assemble(module, plan)
    emit_factor(module, plan)
    emit_solve(module, plan)
    emit_solve_transposed(module, plan)
    emit_check(module, plan)
    emit_pivoted_factor(module, plan)
    emit_pivoted_solve(module, plan)
    emit_pivoted_solve_transposed(module, plan)
    n, entries = plan.n, HEAD + plan.storage
    # A whole block more, for solves in loops.
    padded = -(-n // HEAD) * HEAD + HEAD

    def factor(code: Code, at: dict[str, str]) -> None:
        lu, alpha = at["result"], code.load(at["alpha"])
        factors, W = code.at(lu, HEAD), code.at(lu, entries)
        b, x, z = (code.at(at["scratch"], k * padded) for k in range(3))
        code.call("assemble", f"double {alpha}", f"ptr {at['jacobian']}", f"ptr {W}")
        code.call("factor", f"ptr {W}", f"ptr {factors}")
        with code.loop(n) as k:
            code.store(code.number(1.0), b, k)
        code.call("solve", f"ptr {factors}", f"ptr {b}", f"ptr {x}", f"ptr {z}")
        good = code.call("check", *(f"ptr {p}" for p in (W, b, x)), result="i1")
        # No pivots help where an entry is not finite.
        total = code.variable("double", code.number(0.0))
        with code.loop(len(plan.source)) as e:
            value = code.load(W, e)
            code.store(code.apply("add", code.load(total), code.apply("sub", value, value)), total)
        finite = code.apply("eq", code.load(total), code.number(0.0))
        serves = code.value(f"or i1 {good}, {code.apply('not', finite)}")
        code.store(code.select(serves, code.number(1.0), code.number(0.0)), lu)

    emit_lanes(module, "factor_w", ("jacobian", "alpha"), 3 * padded, factor)
    module.declare("declare noalias ptr @malloc(i64)")
    module.declare("declare void @free(ptr)")
    for suffix in ("", "_transposed"):

        def solve(code: Code, at: dict[str, str], suffix: str = suffix) -> None:
            lu, b, x, z = at["lu"], f"ptr {at['b']}", f"ptr {at['result']}", f"ptr {at['scratch']}"
            serves = code.apply("ne", code.load(lu), code.number(0.0))
            with code.choice(serves) as (yes, no):
                with yes:
                    code.call(f"solve{suffix}", f"ptr {code.at(lu, HEAD)}", b, x, z)
                with no:
                    room = storage(plan)
                    A = code.call("malloc", f"i64 {8 * (room + n)}", result="noalias ptr")
                    pivots = f"ptr {code.at(A, room)}"
                    code.call("pivoted_factor", f"ptr {code.at(lu, entries)}", f"ptr {A}", pivots)
                    code.call(f"pivoted_solve{suffix}", f"ptr {A}", pivots, b, x)
                    code.call("free", f"ptr {A}")

        emit_lanes(module, f"solve_w{suffix}", ("lu", "b"), padded, solve)
    return module.text()
