"""A step without loops: for one solve, or for several lanes side by side in vector registers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stiffdsl.native.factors import lu
from stiffdsl.native.functions.emission import Entries, unrolled
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.step.attempt import PARAMETERS, KernelModel, Writer, allowed
from stiffdsl.native.step.layout import Areas
from stiffdsl.native.step.stages import VECTORS, InVectors, Stages

# Called with the entries of W, the right side and the solution of the first stage.
First = Callable[[Sequence[str], Sequence[str], Sequence[str]], None]


def emit_unrolled(
    module: IRModule, model: KernelModel, areas: Areas, keep_factors: bool = False, held: bool = False
) -> None:
    """`attempt(…)`; it may keep the factors in their array for others. `held`: `attempt_held(…)`, which holds
    conditions as they are at its start."""
    name = "attempt_held" if held else "attempt"
    code = Code(module, name, PARAMETERS, "double", attributes="noinline")
    writer = Writer(code, model, areas)
    y, p = [code.load("%y", k) for k in range(model.n)], Entries(code, "%p")

    def inputs(c: float) -> Entries | None:
        writer.drive(c)
        return writer.u

    def first(w: Sequence[str], b: Sequence[str], x: Sequence[str]) -> None:
        code.put(f"br i1 {_holds(code, model.plan, w, b, x)}, label %good, label %bad")
        code.label("bad", dominated=True)
        code.put(f"ret double {code.number(-1.0)}")
        code.label("good", dominated=True)

    inputs(0.0)
    writer.slope_in_time()
    f_t = Entries(code, writer.area("f_t"))
    rows = [writer.area("stages", i) for i in range(model.tableau.stages)]
    if model.n >= VECTORS:
        before, history = writer.area("argument"), writer.area("b")
        stages = InVectors(code, model.tableau, y, rows, "%y", before, history)
    else:
        stages = Stages(code, model.tableau, y, rows)
    y1, factors = _step(code, model, stages, "%t", "%h", p, inputs, f_t, first, held)
    for e, value in enumerate(factors if keep_factors else []):
        code.store(value, writer.area("LU"), e)
    result, found = writer.area("y1"), []
    for at, lanes in stages.parts():
        with code.vectors(lanes):
            after, u = stages.end(at, y1)
            scaled = writer.scaled(at, code.load_part("%y", at), after, u)
            code.store_part(after, result, at)
            code.store_part(scaled, "%scaled", at)
            found += [scaled if lanes == 1 else code.extracted(scaled, k) for k in range(lanes)]
    squares = [code.apply("mul", scaled, scaled) for scaled in found]
    writer.finish(code.total(squares))


def simd_areas(model: KernelModel) -> Areas:
    """The arrays of lanes side by side, in vectors: entry k of all lanes lies together."""
    n = model.n
    return Areas(
        (
            *(("t", 1), ("h", 1), ("rtol", 1), ("error", 1), ("atol", n), ("y", n), ("p", model.parameters)),
            *(("u", model.inputs), ("y1", n), ("scaled", n), ("stages", model.tableau.stages * n)),
        )
    )


def emit_simd(module: IRModule, model: KernelModel, areas: Areas, lanes: int) -> None:
    """`attempt_simd(simd)`: an attempt of every lane, whose inputs are constant and whose conditions are held; the
    error is -1 for a lane whose pivots were bad."""
    code = Code(module, "attempt_simd", [("ptr", "simd")], attributes="noinline", lanes=lanes)
    n = model.n

    def area(name: str) -> str:
        return code.at("%simd", areas[name])

    t, h, rtol = (code.load(area(name)) for name in ("t", "h", "rtol"))
    y, p, u = [code.load(area("y"), k) for k in range(n)], Entries(code, area("p")), Entries(code, area("u"))
    f_t: Any = None
    if model.rhs_t is not None:
        still = [code.number(0.0)] * model.inputs
        f_t = unrolled(code, model.rhs_t, model.tables_t, {"t": t, "y": y, "p": p, "u": u, "u_t": still})
    good: list[str] = []

    def first(w: Sequence[str], b: Sequence[str], x: Sequence[str]) -> None:
        good.append(_holds(code, model.plan, w, b, x))

    rows = [code.at(area("stages"), i * n) for i in range(model.tableau.stages)]
    stages = Stages(code, model.tableau, y, rows)
    y1, _ = _step(code, model, stages, t, h, p, lambda c: u, f_t, first, model.holds_conditions)
    squares = []
    for k in range(n):
        code.store(y1[k], area("y1"), k)
        size = code.larger(code.apply("abs", y[k]), code.apply("abs", y1[k]))
        tolerated = code.apply("add", code.load(area("atol"), k), code.apply("mul", rtol, size))
        own = stages.found[-1][k]
        if not model.counted[k]:
            own = code.apply("mul", code.number(0.0), own)
        scaled = code.apply("div", own, tolerated)
        code.store(scaled, area("scaled"), k)
        squares.append(code.apply("mul", scaled, scaled))
    error = code.apply(
        "sqrt", code.apply("mul", code.total(squares), code.number(1.0 / np.sum(model.counted)))
    )
    code.store(code.select(good[0], error, code.number(-1.0)), area("error"))
    code.put("ret void")
    code.finish()


def _step(
    code: Code,
    model: KernelModel,
    stages: Stages,
    t: str,
    h: str,
    p: Any,
    inputs: Callable[[float], Any],
    f_t: Any,
    first: First,
    held: bool,
) -> tuple[list[str], list[str]]:
    """The new value and the factors; `inputs(c)` are those at `t + c h`. `held`: with conditions held."""
    n, tableau, plan, y = model.n, model.tableau, model.plan, stages.y
    rhs, tables, conditions = model.rhs, model.tables, {}
    if held and model.kinks is not None:
        kinks, now = model.kinks, {"t": t, "y": y, "p": p, "u": inputs(0.0)}
        conditions = {"m": unrolled(code, kinks.relations, kinks.tables, now)[: kinks.count]}
        rhs, tables = kinks.held, kinks.tables
    jacobian = unrolled(code, model.jacobian, model.tables, {"t": t, "y": y, "p": p, "u": inputs(0.0)})
    alpha = code.apply("div", code.number(1.0), code.apply("mul", h, code.number(tableau.gamma)))
    inverse_h = code.apply("div", code.number(1.0), h)
    w = lu.assemble(code, plan, jacobian, alpha)
    factors = lu.factor(code, plan, w)
    argument = y
    for i in range(tableau.stages):
        before, history = stages.older(i)
        if i:
            newest = stages.found[-1]
            pairs = zip(newest, before, strict=True)
            argument = [code.combination(tableau.a[i][-1:], [u], start) for u, start in pairs]
        c = float(tableau.c[i])
        time = code.apply("add", t, code.apply("mul", code.number(c), h)) if c else t
        arguments = {"t": time, "y": argument, "p": p, "u": inputs(tableau.c[i]), **conditions}
        b = list(unrolled(code, rhs, tables, arguments))
        for k in range(n):
            if i and model.mass[k]:
                whole = code.combination(tableau.C[i][-1:], [stages.found[-1][k]], history[k])
                b[k] = code.apply("add", b[k], code.apply("mul", whole, inverse_h))
            if model.rhs_t is not None and tableau.d[i]:
                weight = code.apply("mul", h, code.number(float(tableau.d[i])))
                b[k] = code.apply("add", b[k], code.apply("mul", weight, f_t[k]))
        stages.prepare(i + 1)
        stages.add(lu.solve(code, plan, factors, b))
        if i == 0:
            first(w, b, stages.found[0])
    return [code.apply("add", a, u) for a, u in zip(argument, stages.found[-1], strict=True)], factors


def _holds(code: Code, plan: lu.Plan, w: Sequence[str], b: Sequence[str], x: Sequence[str]) -> str:
    """Whether W x = b, beside the size of its terms."""
    products: list[list[str]] = [[] for _ in b]
    rows, columns = lu.integers(plan.pattern_rows), lu.integers(plan.pattern_columns)
    for value, i, j in zip(w, rows, columns, strict=True):
        products[i].append(code.apply("mul", value, x[j]))
    good: str | None = None
    for own, terms in zip(b, products, strict=True):
        left = code.apply("abs", code.apply("sub", own, code.total(terms)))
        size = code.total([code.apply("abs", v) for v in (own, *terms)])
        holds = code.apply("le", left, allowed(code, size))
        good = holds if good is None else code.apply("and", good, holds)
    assert good is not None, "there is an unknown"
    return good
