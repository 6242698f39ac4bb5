"""One accepted step along a direction: how its end moves with its start, the parameters and the inputs.

The linear system of the step (`solve/methods/tableau.py`) is differentiated; dots are derivatives along the
direction, and the factors are those that the step itself solved with:

    W u_i. = f. (g_i; g_i., p., u.) + M sum_j C_ij/h u_j. + h d_i f_t. + J. u_i        g_i. = y. + sum_j a_ij u_j.

The step size is held constant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.native.factors import lu
from stiffdsl.native.functions.emission import Entries, Shared, unrolled
from stiffdsl.native.gradient.adjoint import (
    PARAMETERS,
    SAVE_PARAMETERS,
    StepWriter,
    either,
    factor_anew,
    normal,
)
from stiffdsl.native.gradient.tape import DerivedFunctions
from stiffdsl.native.ir.code import COLD, Code, IRModule
from stiffdsl.native.step.attempt import KernelModel, pattern
from stiffdsl.native.step.dense_output import interpolated
from stiffdsl.native.step.layout import OPERANDS, Areas


class Moving(StepWriter):
    """A recorded step, and the derivatives of its inputs: those of constants in u_d, of tables in values_d."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas, record: Areas):
        super().__init__(code, model, areas, record)
        self.moved_at: float | None = None
        self.u_dot: Entries | None = None
        if model.inputs:
            # Values of tables enter linearly: their derivatives are tables too.
            self.tables = code.variable(f"[{len(OPERANDS)} x ptr]")
            for k in range(len(OPERANDS)):
                own = "%values_d" if OPERANDS[k] == "values" else code.load("%operands", k, "ptr")
                code.store(own, self.tables, k, "ptr")
            for name, source in (("u_d", "%u_d"), ("u_t_d", None)):
                with code.loop(model.inputs) as k:
                    code.store(code.load(source, k) if source else code.number(0.0), self.area(name), k)

    def move(self, c: float) -> None:
        """DerivedFunctions of the inputs at `t + c h` into their arrays."""
        if self.model.inputs and self.moved_at != c:
            pointers = [self.tables, *(self.area(name) for name in ("span", "u_d", "u_t_d"))]
            self.code.call("inputs", f"double {self.time(c)}", *(f"ptr {p}" for p in pointers))
            self.moved_at, self.u_dot = c, Entries(self.code, self.area("u_d"))


@dataclass(frozen=True, eq=False)
class _Step:
    """A recorded step and a direction, as values of a function. `inputs(c)` are u and u_t at `t + c h`, and their
    derivatives."""

    t: str
    h: str
    y: list[str]
    p: Any
    stages: list[list[str]]
    factors: list[str]
    y_dot: list[str]
    p_dot: Any
    inputs: Callable[[float], dict[str, Any]]


def emit_forth(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas, record: Areas
) -> None:
    """`forth(…)` without loops: from the derivatives of the start in y_d to those of the end in `y1_d` and of the
    stages in `stages_d`."""
    code = Code(module, "forth", PARAMETERS, attributes="noinline")
    writer = Moving(code, model, areas, record)
    n, stages = model.n, range(model.tableau.stages)

    def inputs(c: float) -> dict[str, Any]:
        writer.move(c)
        slopes = {"u_t": Entries(code, writer.area("u_t")), "u_t_dot": Entries(code, writer.area("u_t_d"))}
        return {"u": writer.inputs(c), "u_dot": writer.u_dot, **slopes}

    step = _Step(
        "%t",
        "%h",
        [code.load("%y", k) for k in range(n)],
        Entries(code, "%p"),
        [[code.load(writer.stage(i), k) for k in range(n)] for i in stages],
        [code.load(writer.factors, e) for e in range(model.plan.entries)],
        [code.load("%y_d", k) for k in range(n)],
        Entries(code, "%p_d"),
        inputs,
    )
    end, dots = _forth(code, model, derivatives, step)
    for i, dot in enumerate(dots):
        for k, value in enumerate(dot):
            code.store(value, writer.area("stages_d", i), k)
    for k, value in enumerate(end):
        code.store(value, writer.area("y1_d"), k)
    code.put("ret void")
    code.finish()


def pack_areas(model: KernelModel) -> Areas:
    """Directions side by side, in vectors: entry k of all of them lies together."""
    n = model.n
    return Areas(
        (
            *(("y", n), ("p", model.parameters), ("u", model.inputs), ("y1", n)),
            ("stages", model.tableau.stages * n),
        )
    )


def emit_forth_simd(
    module: IRModule,
    model: KernelModel,
    derivatives: DerivedFunctions,
    record: Areas,
    pack: Areas,
    lanes: int,
) -> None:
    """`forth_simd(time, step, y, p, u, record, pack)`: as `forth` for directions side by side (`pack_areas`), where
    inputs are constant."""
    parameters = [
        ("double", "time"),
        ("double", "step"),
        *(("ptr", a) for a in ("y", "p", "u", "record", "pack")),
    ]
    code = Code(module, "forth_simd", parameters, attributes="noinline", lanes=lanes)
    n, stages = model.n, range(model.tableau.stages)

    def area(name: str) -> str:
        return code.at("%pack", pack[name])

    def recorded(name: str) -> Shared:
        return Shared(code, code.at("%record", record[name], "double"))

    still = [code.number(0.0)] * model.inputs
    given = {"u": Shared(code, "%u"), "u_dot": Entries(code, area("u")), "u_t": still, "u_t_dot": still}
    of_step, factors, y = recorded("stages"), recorded("LU"), Shared(code, "%y")
    step = _Step(
        code.same("%time"),
        code.same("%step"),
        [y[k] for k in range(n)],
        Shared(code, "%p"),
        [[of_step[i * n + k] for k in range(n)] for i in stages],
        [factors[e] for e in range(model.plan.entries)],
        [code.load(area("y"), k) for k in range(n)],
        Entries(code, area("p")),
        lambda c: given,
    )
    end, dots = _forth(code, model, derivatives, step)
    for i, dot in enumerate(dots):
        for k, value in enumerate(dot):
            code.store(value, area("stages"), i * n + k)
    for k, value in enumerate(end):
        code.store(value, area("y1"), k)
    code.put("ret void")
    code.finish()


def _forth(
    code: Code, model: KernelModel, derivatives: DerivedFunctions, step: _Step
) -> tuple[list[str], list[list[str]]]:
    """The derivatives of the end, and of the stages."""
    n, tableau = model.n, model.tableau
    inverse_h = code.apply("div", code.number(1.0), step.h)
    zero = code.number(0.0)
    listed = derivatives.listed()

    def along(name: str, c: float, y: list[str], y_dot: list[str], size: int) -> list[str]:
        if name not in listed:
            return [zero] * size
        function, tables = listed[name]
        time = code.apply("add", step.t, code.apply("mul", code.number(float(c)), step.h)) if c else step.t
        given = {"t": time, "y": y, "p": step.p, "y_dot": y_dot, "p_dot": step.p_dot, **step.inputs(c)}
        return list(unrolled(code, function, tables, given))

    rows, columns = (lu.integers(a) for a in pattern(model))
    J_dot = along("jacobian", 0.0, step.y, step.y_dot, len(rows))
    f_t_dot = along("rhs_t", 0.0, step.y, step.y_dot, n)
    dots: list[list[str]] = []
    moved = step.y_dot
    for i in range(tableau.stages):
        argument, moved = (
            [code.combination(tableau.a[i], [u[k] for u in parts], start[k]) for k in range(n)]
            for parts, start in ((step.stages[:i], step.y), (dots, step.y_dot))
        )
        b = along("rhs", tableau.c[i], argument, moved, n)
        for k in range(n):
            if i and model.mass[k]:
                history = code.combination(tableau.C[i], [u[k] for u in dots])
                b[k] = code.apply("add", b[k], code.apply("mul", history, inverse_h))
            if model.rhs_t is not None and tableau.d[i]:
                weight = code.apply("mul", step.h, code.number(float(tableau.d[i])))
                b[k] = code.apply("add", b[k], code.apply("mul", weight, f_t_dot[k]))
        for value, row, column in zip(J_dot, rows, columns, strict=True):
            if value != zero:
                b[row] = code.apply("add", b[row], code.apply("mul", value, step.stages[i][column]))
        dots.append(lu.solve(code, model.plan, step.factors, b))
    return [code.apply("add", m, u) for m, u in zip(moved, dots[-1], strict=True)], dots


def emit_forth_general(
    module: IRModule,
    model: KernelModel,
    derivatives: DerivedFunctions,
    areas: Areas,
    record: Areas,
    planned: bool,
) -> None:
    """`forth_general(…, dense)`: as `forth`, by calls; `dense` factors W anew, with pivots as they come. Without
    `planned` it always does."""
    code = Code(
        module,
        "forth_general",
        (*PARAMETERS, ("i1", "dense")),
        attributes="noinline" if planned else COLD,
    )
    writer = Moving(code, model, areas, record)
    n, tableau = model.n, model.tableau
    listed = derivatives.listed()

    def area(name: str, row: int = 0) -> str:
        return f"ptr {writer.area(name, row)}"

    def along(name: str, c: float, y: str, y_dot: str, result: str, size: int) -> None:
        if name not in listed:
            with code.loop(size) as k:
                code.store(code.number(0.0), result, k)
            return
        writer.drive(c)
        writer.move(c)
        pointers = [y, "%p", writer.area("u")]
        pointers += [writer.area("u_t")] if name == "rhs_t" else []
        pointers += [y_dot, "%p_d", writer.area("u_d")]
        pointers += [writer.area("u_t_d")] if name == "rhs_t" else []
        pointers += [result, writer.area("scratch")]
        code.call(f"{name}_dot", f"double {writer.time(c)}", *(f"ptr {p}" for p in pointers))

    factor_anew(writer, planned)
    rows, columns = (module.constants(a.astype(np.int32)) for a in pattern(model))
    values = len(pattern(model)[0])
    mass = module.constants(np.asarray(model.mass, dtype=float))
    J_dot, f_t_dot, bar = writer.area("J_d"), writer.area("f_t_d"), writer.area("b_d")
    along("jacobian", 0.0, "%y", "%y_d", J_dot, values)
    along("rhs_t", 0.0, "%y", "%y_d", f_t_dot, n)
    inverse_h = code.apply("div", code.number(1.0), "%h")

    def solved(i: int) -> Callable[[bool], None]:
        def solve(dense: bool) -> None:
            if dense:
                code.call("pivoted_solve", area("A"), area("pivots"), f"ptr {bar}", area("stages_d", i))
            else:
                code.call("solve", f"ptr {writer.factors}", f"ptr {bar}", area("stages_d", i), area("z"))

        return solve

    for i in range(tableau.stages):
        with code.loop(n) as k:
            for name, start, part in (("argument", "%y", writer.stage), ("argument_d", "%y_d", None)):
                earlier = [code.load(part(j) if part else writer.area("stages_d", j), k) for j in range(i)]
                value = code.apply("add", code.load(start, k), code.combination(tableau.a[i], earlier))
                code.store(value, writer.area(name), k)
        along("rhs", tableau.c[i], writer.area("argument"), writer.area("argument_d"), bar, n)
        timed = model.rhs_t is not None and tableau.d[i]
        with code.loop(n) as k:
            earlier = [code.load(writer.area("stages_d", j), k) for j in range(i)]
            history = code.apply("mul", code.combination(tableau.C[i], earlier), inverse_h)
            history = code.apply("mul", history, code.load(mass, k))
            value = code.apply("add", code.load(bar, k), history)
            if timed:
                weight = code.apply("mul", "%h", code.number(float(tableau.d[i])))
                value = code.apply("add", value, code.apply("mul", weight, code.load(f_t_dot, k)))
            code.store(value, bar, k)
        with code.loop(values) as e:
            row = code.index(rows, e)
            product = code.apply(
                "mul", code.load(J_dot, e), code.load(writer.stage(i), code.index(columns, e))
            )
            code.store(code.apply("add", code.load(bar, row), product), bar, row)
        either(code, planned, solved(i))
    last = tableau.stages - 1
    with code.loop(n) as k:
        end = code.apply(
            "add", code.load(writer.area("argument_d"), k), code.load(writer.area("stages_d", last), k)
        )
        code.store(end, writer.area("y1_d"), k)
    code.put("ret void")
    code.finish()


def emit_save(module: IRModule, model: KernelModel, areas: Areas, record: Areas) -> None:
    """`save(t, h, low, high, times, y_d, ys_d, work)`: the derivatives of the dense output (`dense_output.py`) at
    the times low ... high - 1 of the step; then y_d becomes the derivative of its end, or of where it was cut."""
    code = Code(module, "save", SAVE_PARAMETERS, attributes="noinline")
    n, H = model.n, model.tableau.H
    K, end, stages = (code.at("%work", areas[name]) for name in ("K_d", "y1_d", "stages_d"))
    part, needed = code.number(1.0), code.value("icmp slt i64 %low, %high")
    if model.events is not None:
        part = code.load("%work", areas["theta"])
        needed = code.apply("or", needed, code.apply("lt", part, code.number(1.0)))
    with code.when(needed), code.loop(n) as k:
        values = [code.load(code.at(stages, i * n), k) for i in range(model.tableau.stages)]
        for r, row in enumerate(H):
            code.store(code.combination(row, values), code.at(K, r * n), k)

    def write(theta: str, place: str) -> None:
        rest = code.apply("sub", code.number(1.0), theta)
        with code.loop(n) as k:
            rows = [code.load(code.at(K, r * n), k) for r in range(len(H))]
            ends = code.load("%y_d", k), code.load(end, k)
            code.store(interpolated(code, *ends, rows, theta, rest), place, k)

    with code.loop("%high", "%low") as s:
        theta = code.apply("div", code.apply("sub", code.load("%times", s), "%t"), "%h")
        write(theta, code.at("%ys_d", code.integer("mul", s, str(n))))
    if model.events is not None:
        with code.when(code.apply("lt", part, code.number(1.0))):
            write(part, code.at("%work", areas["argument_d"]))
            with code.loop(n) as k:
                code.store(code.load(code.at("%work", areas["argument_d"]), k), end, k)
    with code.loop(n) as k:
        code.store(normal(code, code.load(end, k)), "%y_d", k)
    code.put("ret void")
    code.finish()
