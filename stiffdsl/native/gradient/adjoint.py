"""One accepted step in reverse: from the cotangent of its end to those of its start, the parameters and the inputs.

The step (`solve/methods/tableau.py`) with W = M/(h*gamma) - J(t, y), arguments g_i = y + sum_j a_ij u_j and end y1 =
g_s + u_s is taken back stage by stage, i = s ... 1, with the factors of W transposed; bars are cotangents:

    W^T l_i = u_i bar
    g_i bar = f_y(g_i)^T l_i       p bar += f_p(g_i)^T l_i       (y1 bar is added to g_s bar)
    u_j bar += a_ij g_i bar + C_ij/h M l_i    for j < i          y bar += g_i bar
    J bar += l_i u_i^T  on the pattern of J,  f_t bar += h d_i l_i

and then J(t, y, p) and f_t(t, y, p) are (Sandu, Daescu, Carmichael, Atmospheric Environment 37:5083, 2003). The step
size is held constant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.native.factors import lu
from stiffdsl.native.factors.lu_transposed import solve_transposed
from stiffdsl.native.functions.emission import Entries, Shared, parts_added, unrolled
from stiffdsl.native.gradient.tape import DerivedFunctions
from stiffdsl.native.ir.code import COLD, Code, IRModule
from stiffdsl.native.step.attempt import KernelModel, Writer, pattern
from stiffdsl.native.step.layout import Areas

PARAMETERS = (
    *(("double", "t"), ("double", "h"), ("ptr", "y"), ("ptr", "p"), ("ptr", "operands"), ("ptr", "work")),
    *(("ptr", "record"), ("ptr", "y_d"), ("ptr", "p_d"), ("ptr", "u_d"), ("ptr", "values_d")),
)


class StepWriter(Writer):
    """A recorded step."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas, record: Areas):
        super().__init__(code, model, areas)
        self.record = record

    def stage(self, i: int) -> str:
        return self.code.at("%record", self.record["stages"] + i * self.model.n)

    @property
    def factors(self) -> str:
        return self.code.at("%record", self.record["LU"])

    def inputs(self, c: float) -> Entries | None:
        self.drive(c)
        return self.u


@dataclass(frozen=True, eq=False)
class _Step:
    """A recorded step, and the cotangents of its end and of its stages, as values of a function."""

    h: str
    y: list[str]
    p: Any
    stages: list[list[str]]
    factors: list[str]
    y1_bar: Any
    bars: list[list[str]]


def emit_back(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas, record: Areas
) -> None:
    """`back(…)` without loops. Cotangents: in `y1_d` and `stages_d` those of the end and of the stages, in y_d those of
    the start; all that is found is added to y_d, p_d, u_d, values_d."""
    code = Code(module, "back", PARAMETERS, attributes="noinline")
    writer = StepWriter(code, model, areas, record)
    n, stages = model.n, range(model.tableau.stages)
    step = _Step(
        "%h",
        [code.load("%y", k) for k in range(n)],
        Entries(code, "%p"),
        [[code.load(writer.stage(i), k) for k in range(n)] for i in stages],
        [code.load(writer.factors, e) for e in range(model.plan.entries)],
        Entries(code, writer.area("y1_d")),
        [[code.load(writer.area("stages_d", i), k) for k in range(n)] for i in stages],
    )
    found = _Found(writer, derivatives)
    _back(code, model, found, step)
    _add(code, "%y_d", found.y)
    _add(code, "%p_d", found.p, model.figures)
    code.put("ret void")
    code.finish()


def pack_areas(model: KernelModel) -> Areas:
    """Cotangents side by side, in vectors: entry k of all of them lies together. Those of the start, the parameters and
    the inputs are added up."""
    n = model.n
    return Areas(
        (
            *(("y", n), ("p", model.parameters), ("u", model.inputs), ("y1", n)),
            ("stages", model.tableau.stages * n),
        )
    )


def emit_back_simd(
    module: IRModule,
    model: KernelModel,
    derivatives: DerivedFunctions,
    record: Areas,
    pack: Areas,
    lanes: int,
) -> None:
    """`back_simd(time, step, y, p, u, record, pack)`: as `back` for cotangents side by side (`pack_areas`), where
    inputs are constant."""
    pointers = [("ptr", a) for a in ("y", "p", "u", "record", "pack")]
    parameters = [("double", "time"), ("double", "step"), *pointers]
    code = Code(module, "back_simd", parameters, attributes="noinline", lanes=lanes)
    n, stages = model.n, range(model.tableau.stages)

    def recorded(name: str) -> Shared:
        return Shared(code, code.at("%record", record[name], "double"))

    def area(name: str) -> str:
        return code.at("%pack", pack[name])

    of_step, factors, y, bars = recorded("stages"), recorded("LU"), Shared(code, "%y"), area("stages")
    step = _Step(
        code.same("%step"),
        [y[k] for k in range(n)],
        Shared(code, "%p"),
        [[of_step[i * n + k] for k in range(n)] for i in stages],
        [factors[e] for e in range(model.plan.entries)],
        Entries(code, area("y1")),
        [[code.load(bars, i * n + k) for k in range(n)] for i in stages],
    )
    found = _FoundWide(code, model, derivatives, step.h)
    _back(code, model, found, step)
    _add(code, area("y"), found.y)
    _add(code, area("p"), found.p, model.figures)
    _add(code, area("u"), found.u)
    code.put("ret void")
    code.finish()


def _add(code: Code, pointer: str, values: Sequence[str], but: range = range(0)) -> None:
    """Adds `values` to an array, whose entries `but` are none of theirs."""
    zero = code.number(0.0)
    for k, value in enumerate(values):
        if value != zero:
            k += len(but) * (k >= but.start)
            code.store(code.apply("add", code.load(pointer, k), value), pointer, k)


def _back(code: Code, model: KernelModel, found: "_Found | _FoundWide", step: _Step) -> None:
    """Takes the step back: what is found is kept in `found`."""
    n, tableau = model.n, model.tableau
    bars, stages, y, p = step.bars, step.stages, step.y, step.p
    inverse_h = code.apply("div", code.number(1.0), step.h)
    zero = code.number(0.0)
    rows, columns = (lu.integers(a) for a in pattern(model))
    J_bar, f_t_bar = [zero] * len(rows), [zero] * n
    for i in reversed(range(tableau.stages)):
        last = i == tableau.stages - 1
        weights = solve_transposed(code, model.plan, step.factors, bars[i])
        argument = [
            code.combination(tableau.a[i], [stages[j][k] for j in range(i)], y[k]) if i else y[k]
            for k in range(n)
        ]
        g_bar = found.of("rhs", tableau.c[i], argument, p, weights)
        if last:
            g_bar = [code.apply("add", g, step.y1_bar[k]) for k, g in enumerate(g_bar)]
        found.start(g_bar)
        for k in range(n) if i else ():
            scaled = code.apply("mul", weights[k], inverse_h) if model.mass[k] else zero
            for j in range(i):
                bars[j][k] = code.combination(
                    (tableau.a[i][j], tableau.C[i][j]), [g_bar[k], scaled], bars[j][k]
                )
        for e, (row, column) in enumerate(zip(rows, columns, strict=True)):
            J_bar[e] = code.apply("add", J_bar[e], code.apply("mul", weights[row], stages[i][column]))
        if model.rhs_t is not None and tableau.d[i]:
            weight = code.apply("mul", step.h, code.number(float(tableau.d[i])))
            f_t_bar = [
                code.apply("add", f, code.apply("mul", weight, w))
                for f, w in zip(f_t_bar, weights, strict=True)
            ]
    found.start(found.of("jacobian", 0.0, y, p, J_bar))
    if model.rhs_t is not None:
        found.start(found.of("rhs_t", 0.0, y, p, f_t_bar))


class _Found:
    """Cotangents of the start, the parameters and the inputs, as they come."""

    def __init__(self, writer: StepWriter, derivatives: DerivedFunctions):
        self.writer, self.code, self.derivatives = writer, writer.code, derivatives.listed()
        model = writer.model
        zero = self.code.number(0.0)
        self.y, self.p, self.zero = [zero] * model.n, [zero] * model.moving_parameters, zero

    def start(self, bars: Sequence[str]) -> None:
        self.y = [self.code.apply("add", a, b) for a, b in zip(self.y, bars, strict=True)]

    def of(self, name: str, c: float, y: list[str], p: Any, bar: Sequence[str]) -> list[str]:
        """The cotangents of y, where `bar` are those of a function; others are kept here."""
        writer, code, model = self.writer, self.code, self.writer.model
        if name not in self.derivatives:
            return [self.zero] * model.n
        function, tables = self.derivatives[name]
        time = writer.time(c)
        given = {"t": time, "y": y, "p": p, "u": writer.inputs(c), "bar": bar}
        if name == "rhs_t":
            given["u_t"] = Entries(code, writer.area("u_t"))
        back = list(unrolled(code, function, tables, given))
        n, count = model.n, model.moving_parameters
        self.p = [code.apply("add", a, b) for a, b in zip(self.p, back[n : n + count], strict=True)]
        if model.inputs:
            parts = back[n + count :]
            parts += [self.zero] * (2 * model.inputs - len(parts))
            for k, value in enumerate(parts[: model.inputs]):
                code.store(value, writer.area("u_d"), k)
            for k, value in enumerate(parts[model.inputs :]):
                code.store(value, writer.area("u_t_d"), k)
            call_inputs_back(writer, time)
        return back[:n]


class _FoundWide:
    """The same side by side, where inputs are constant."""

    def __init__(self, code: Code, model: KernelModel, derivatives: DerivedFunctions, h: str):
        self.code, self.model, self.derivatives, self.h = code, model, derivatives.listed(), h
        self.time, self.inputs = code.same("%time"), Shared(code, "%u")
        self.zero = code.number(0.0)
        self.y, self.p, self.u = ([self.zero] * k for k in (model.n, model.moving_parameters, model.inputs))

    def start(self, bars: Sequence[str]) -> None:
        self.y = [self.code.apply("add", a, b) for a, b in zip(self.y, bars, strict=True)]

    def of(self, name: str, c: float, y: list[str], p: Any, bar: Sequence[str]) -> list[str]:
        code, model = self.code, self.model
        if name not in self.derivatives:
            return [self.zero] * model.n
        function, tables = self.derivatives[name]
        later = code.apply("mul", code.number(float(c)), self.h) if c else None
        time = code.apply("add", self.time, later) if later else self.time
        given = {"t": time, "y": y, "p": p, "u": self.inputs, "bar": bar}
        if name == "rhs_t":
            given["u_t"] = [self.zero] * model.inputs
        back = list(unrolled(code, function, tables, given))
        n, count = model.n, model.moving_parameters
        self.p = [code.apply("add", a, b) for a, b in zip(self.p, back[n : n + count], strict=True)]
        own = back[n + count : n + count + model.inputs]
        self.u = [code.apply("add", a, b) for a, b in zip(self.u, own, strict=True)]
        return back[:n]


def call_inputs_back(writer: StepWriter, time: str) -> None:
    """Hands the cotangents in `u_d` and `u_t_d` on to the constant inputs and to the tables."""
    pointers = [*(writer.area(name) for name in ("span", "u_d", "u_t_d")), "%u_d", "%values_d"]
    listed = [f"ptr {p}" for p in pointers]
    writer.code.call("inputs_back", f"double {time}", "ptr %operands", *listed)


def emit_back_general(
    module: IRModule,
    model: KernelModel,
    derivatives: DerivedFunctions,
    areas: Areas,
    record: Areas,
    planned: bool,
) -> None:
    """`back_general(…, dense)`: as `back`, by calls; `dense` factors W anew, with pivots as they come. Without
    `planned` it always does."""
    code = Code(
        module,
        "back_general",
        (*PARAMETERS, ("i1", "dense")),
        attributes="noinline" if planned else COLD,
    )
    writer = StepWriter(code, model, areas, record)
    n, tableau = model.n, model.tableau

    def area(name: str, row: int = 0) -> str:
        return f"ptr {writer.area(name, row)}"

    back_of = Back(writer, derivatives)
    factor_anew(writer, planned)
    rows, columns = (module.constants(a.astype(np.int32)) for a in pattern(model))
    mass = module.constants(np.asarray(model.mass, dtype=float))
    J_bar, f_t_bar, bar = writer.area("J_d"), writer.area("f_t_d"), writer.area("b_d")
    values = len(pattern(model)[0])
    for pointer, count in ((J_bar, values), (f_t_bar, n)):
        with code.loop(count) as k:
            code.store(code.number(0.0), pointer, k)
    inverse_h = code.apply("div", code.number(1.0), "%h")

    def transposed(i: int) -> Callable[[bool], None]:
        def solve(dense: bool) -> None:
            if dense:
                code.call(
                    "pivoted_solve_transposed", area("A"), area("pivots"), area("stages_d", i), f"ptr {bar}"
                )
            else:
                code.call(
                    "solve_transposed", f"ptr {writer.factors}", area("stages_d", i), f"ptr {bar}", area("z")
                )

        return solve

    for i in reversed(range(tableau.stages)):
        either(code, planned, transposed(i))
        with code.loop(n) as k:
            earlier = [code.load(writer.stage(j), k) for j in range(i)]
            value = code.apply("add", code.load("%y", k), code.combination(tableau.a[i], earlier))
            code.store(value, writer.area("argument"), k)
        back_of("rhs", tableau.c[i], writer.area("argument"), bar)
        timed = model.rhs_t is not None and tableau.d[i]
        with code.loop(n) as k:
            g = code.load(writer.area("back"), k)
            if i == tableau.stages - 1:
                g = code.apply("add", g, code.load(writer.area("y1_d"), k))
            code.store(code.apply("add", code.load("%y_d", k), g), "%y_d", k)
            weight = code.load(bar, k)
            scaled = code.apply("mul", code.apply("mul", weight, code.load(mass, k)), inverse_h)
            for j in range(i):
                place = writer.area("stages_d", j)
                code.store(
                    code.combination((tableau.a[i][j], tableau.C[i][j]), [g, scaled], code.load(place, k)),
                    place,
                    k,
                )
            if timed:
                share = code.apply("mul", code.apply("mul", "%h", code.number(float(tableau.d[i]))), weight)
                code.store(code.apply("add", code.load(f_t_bar, k), share), f_t_bar, k)
        with code.loop(values) as e:
            product = code.apply(
                "mul", code.load(bar, code.index(rows, e)), code.load(writer.stage(i), code.index(columns, e))
            )
            code.store(code.apply("add", code.load(J_bar, e), product), J_bar, e)
    for name, pointer in (("jacobian", J_bar), ("rhs_t", f_t_bar)):
        back_of(name, 0.0, "%y", pointer)
        with code.loop(n) as k:
            code.store(code.apply("add", code.load("%y_d", k), code.load(writer.area("back"), k)), "%y_d", k)
    code.put("ret void")
    code.finish()


def either(code: Code, planned: bool, write: Callable[[bool], None]) -> None:
    """`write(dense)` for both ways to solve, chosen by `%dense` where there are two."""
    if not planned:
        write(True)
        return
    with code.choice("%dense") as (yes, no):
        with yes:
            write(True)
        with no:
            write(False)


def factor_anew(writer: StepWriter, planned: bool) -> None:
    """W with pivots as they come, for a step that was made with such."""
    code, model = writer.code, writer.model

    def area(name: str) -> str:
        return f"ptr {writer.area(name)}"

    def write(dense: bool) -> None:
        if dense:
            alpha = code.apply(
                "div", code.number(1.0), code.apply("mul", "%h", code.number(model.tableau.gamma))
            )
            code.call("jacobian", "double %t", "ptr %y", "ptr %p", area("u"), area("J"), area("scratch"))
            code.call("assemble", f"double {alpha}", area("J"), area("W"))
            code.call("pivoted_factor", area("W"), area("A"), area("pivots"))

    writer.drive(0.0)
    either(code, planned, write)


class Back:
    """Calls of the functions in reverse: into the array `back`, of which all but the part of y is handed on."""

    def __init__(self, writer: StepWriter, derivatives: DerivedFunctions):
        self.writer, self.derivatives = writer, derivatives.listed()

    def __call__(self, name: str, c: float, y: str, bar: str, *more: str) -> None:
        """`more`: pointers that only this function takes, before `bar`."""
        writer, code, model = self.writer, self.writer.code, self.writer.model
        n, count, inputs = model.n, model.moving_parameters, model.inputs
        back = writer.area("back")
        if name not in self.derivatives:
            with code.loop(n) as k:
                code.store(code.number(0.0), back, k)
            return
        writer.drive(c)
        time = writer.time(c)
        pointers = [y, "%p", writer.area("u")]
        pointers += [writer.area("u_t")] if name == "rhs_t" else []
        added = parts_added(code.module, self.derivatives[name][0], summed_parameters(model))
        pointers += [*more, bar, *(["%p_d"] if added else []), back, writer.area("scratch")]
        code.call(f"{name}_back", f"double {time}", *(f"ptr {p}" for p in pointers))
        first, held = model.figures.start, len(model.figures)
        for low, high, shift in ((0, first, 0), (first, count, held)) if held else ((0, count, 0),):
            for part in _without(range(n + low, n + high), added):
                target = code.at("%p_d", shift + part.start - n)
                code.accumulate(target, code.at(back, part.start), len(part))
        if inputs:
            with code.loop(inputs) as k:
                code.store(code.load(code.at(back, n + count), k), writer.area("u_d"), k)
                slope = (
                    code.load(code.at(back, n + count + inputs), k) if name == "rhs_t" else code.number(0.0)
                )
                code.store(slope, writer.area("u_t_d"), k)
            call_inputs_back(writer, time)


def summed_parameters(model: KernelModel) -> range:
    """The entries of what a function gives in reverse that belong to parameters, where p_d holds all of these."""
    return range(0) if len(model.figures) else range(model.n, model.n + model.parameters)


def _without(entries: range, parts: list[range]) -> list[range]:
    """`entries` without `parts` of them."""
    found, at = [], entries.start
    for part in sorted(parts, key=lambda p: p.start):
        found.append(range(at, part.start))
        at = part.stop
    return [part for part in (*found, range(at, entries.stop)) if len(part)]


# A derivative below this size is zero.
NEGLIGIBLE = 1e-200
SAVE_PARAMETERS = (
    *(("double", "t"), ("double", "h"), ("i64", "low"), ("i64", "high")),
    *(("ptr", "times"), ("ptr", "y_d"), ("ptr", "ys_d"), ("ptr", "work")),
)


def normal(code: Code, value: str) -> str:
    """Zero for a derivative that a stiff system has damped away: processors take a hundred times as long for numbers
    that are almost too small to be written."""
    negligible = code.apply("lt", code.apply("abs", value), code.number(NEGLIGIBLE))
    return code.select(negligible, code.number(0.0), value)


def emit_save_back(module: IRModule, model: KernelModel, areas: Areas, record: Areas) -> None:
    """`save_back(t, h, low, high, times, y_d, ys_d, work)`: takes back the dense output (`dense_output.py`) at the
    times low ... high - 1 of the step: y_d, the cotangent of its end (or of where it was cut), becomes what these give
    to the start; `y1_d` and `K_d` get those of the end and of the rows. `stages_back(work)` gives both to the stages,
    in `stages_d`.
    """
    code = Code(module, "save_back", SAVE_PARAMETERS, attributes="noinline")
    n, stages, H = model.n, model.tableau.stages, model.tableau.H
    K, end = (code.at("%work", areas[name]) for name in ("K_d", "y1_d"))
    zero = code.number(0.0)
    with code.loop(n) as k:
        code.store(normal(code, code.load("%y_d", k)), end, k)
        code.store(zero, "%y_d", k)
        for r in range(len(H)):
            code.store(zero, code.at(K, r * n), k)

    def add(value: str, pointer: str, k: str) -> None:
        code.store(code.apply("add", code.load(pointer, k), value), pointer, k)

    def give(theta: str, place: str) -> None:
        rest = code.apply("sub", code.number(1.0), theta)
        both = code.apply("mul", theta, rest)
        with code.loop(n) as k:
            bar = code.load(place, k)
            add(code.apply("mul", rest, bar), "%y_d", k)
            add(code.apply("mul", theta, bar), end, k)
            inner = code.apply("mul", both, bar)
            for r in range(len(H)):
                add(inner, code.at(K, r * n), k)
                inner = code.apply("mul", theta, inner)

    if model.events is not None:
        part, cut = code.load("%work", areas["theta"]), code.at("%work", areas["argument_d"])
        with code.when(code.apply("lt", part, code.number(1.0))):
            with code.loop(n) as k:
                code.store(code.load(end, k), cut, k)
                code.store(zero, end, k)
            give(part, cut)
    with code.loop("%high", "%low") as s:
        theta = code.apply("div", code.apply("sub", code.load("%times", s), "%t"), "%h")
        give(theta, code.at("%ys_d", code.integer("mul", s, str(n))))
    code.put("ret void")
    code.finish()

    code = Code(module, "stages_back", [("ptr", "work")], attributes="noinline")
    K, end, of_stages = (code.at("%work", areas[name]) for name in ("K_d", "y1_d", "stages_d"))
    with code.loop(n) as k:
        rows = [code.load(code.at(K, r * n), k) for r in range(len(H))]
        for i in range(stages):
            bar = code.combination([row[i] for row in H], rows)
            if i == stages - 1:
                bar = code.apply("add", bar, code.load(end, k))
            code.store(bar, code.at(of_stages, i * n), k)
    code.put("ret void")
    code.finish()
