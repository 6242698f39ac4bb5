"""Consistent initialization as one kernel: damped Newton's method on the entries of y that equations determine; and
algebraic unknowns at states that are held.

    search(t, y, p, u, start) -> the entries, whether they solve the start problem (1, else 0), iterations

Damped by the natural monotonicity test as `solve/newton/damped_newton.py`, with factors in a static order; where that
order is bad, pivots are taken as they come. It gives up where something is not finite.
"""

import ctypes
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stiffdsl.native.factors import lu
from stiffdsl.native.factors.factors import FactorKernels
from stiffdsl.native.factors.pivoted import emit_pivoted_factor, emit_pivoted_solve, storage
from stiffdsl.native.functions.emission import emit_function
from stiffdsl.native.host import engine, ffi
from stiffdsl.native.host.call import Kernel, emit_lanes
from stiffdsl.native.host.digest import digest_of, sources
from stiffdsl.native.host.engine import Library
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.ir.form import FORM, Form
from stiffdsl.native.step.attempt import emit_check
from stiffdsl.native.step.layout import Areas
from stiffdsl.native.step.reset import emit_shortens
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function, Program
from stiffdsl.solve.newton import damped_newton

RTOL = 1e-12
ARGUMENTS = "t", "y", "p", "u", "start"
# Beyond these, multiplications of the factors, continuation on the host finds factors of its own.
MULTIPLICATIONS = 2_000_000
_Alone = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_void_p] * len(ARGUMENTS))


@dataclass(frozen=True, eq=False)
class SearchProblem:
    """Equations for the entries `free` of y: `residual(t, y, p, u, start)`, and the values of its Jacobian at `rows`,
    `columns`. `sizes`: of y, p, u and start."""

    residual: Function
    jacobian: Function
    tables: dict[str, np.ndarray]
    rows: np.ndarray
    columns: np.ndarray
    free: np.ndarray
    sizes: tuple[int, int, int, int]


def start_problem(program: Program) -> SearchProblem:
    """The start problem of a program: its initial equations for the entries of y that they determine."""
    residual, jacobian = (program.by_name[name] for name in ("initial_residual", "initial_jacobian"))
    free, flat = np.asarray(program.system.initial.free), program.system.flat
    parameters, inputs = sum(b.size for b in flat.parameters), sum(b.size for b in flat.inputs)
    sizes = program.size, parameters, inputs, flat.size
    pattern = program.initial_rows, program.initial_columns
    return SearchProblem(residual, jacobian, program.tables, *pattern, free, sizes)


def algebraic_problem(program: Program) -> SearchProblem:
    """The algebraic unknowns at states that are held."""
    massless = program.mass == 0
    free, number = np.flatnonzero(massless), np.cumsum(massless) - 1
    kept = np.flatnonzero(massless[program.rows] & massless[program.columns])
    flat = program.system.flat
    parameters, inputs = sum(b.size for b in flat.parameters), sum(b.size for b in flat.inputs)
    tables = {**program.tables, "algebraic_rows": free.astype(np.int32), "kept": kept.astype(np.int32)}

    def part(name: str, table: str) -> Function:
        function = program.by_name[name]
        ops = (*function.ops, Op("take", (len(function.ops) - 1,), table, len(tables[table])))
        return Function(f"algebraic_{name}", ARGUMENTS, function.doc, ops)

    pattern = number[program.rows[kept]], number[program.columns[kept]]
    functions = part("rhs", "algebraic_rows"), part("jacobian", "kept")
    return SearchProblem(*functions, tables, *pattern, free, (program.size, parameters, inputs, 1))


class SearchKernel:
    """The kernel for one problem; `factors` solve linear systems with its Jacobian, for derivatives."""

    def __init__(self, problem: SearchProblem, plan: lu.Plan):
        self._problem, self._plan = problem, plan
        self._library: Library | None = None
        digest = hashlib.sha256(sources() + digest_of((problem.residual, problem.jacobian), problem.tables))
        digest.update(problem.free.tobytes() + repr((plan.form, problem.sizes)).encode())
        # Factors of equal plans are one module.
        planned = hashlib.sha256(sources() + repr((plan.form, len(problem.rows))).encode())
        for array in (plan.row, plan.column, plan.pattern_rows, plan.pattern_columns, plan.source, plan.mass):
            planned.update(np.ascontiguousarray(array).tobytes() + b"|")
        digest.update(planned.digest())
        self.key = f"{digest.hexdigest()}.search"
        self.factors = FactorKernels(planned.hexdigest(), plan, len(problem.rows), seldom=True)
        self.kernel = Kernel(self._target, [(), *((size,) for size in problem.sizes)], (plan.n + 2,))

    def __call__(
        self, t: float, y: np.ndarray, p: np.ndarray, u: np.ndarray, start: np.ndarray
    ) -> tuple[np.ndarray, int] | None:
        """The entries and the iterations, on the host; None where they are not found."""
        arrays = [np.ascontiguousarray(a, dtype=float) for a in (y, p, u, start)]
        result = np.empty(self._plan.n + 2)
        search = _Alone(self.library.address("search_alone"))
        search(float(t), *(a.ctypes.data for a in (*arrays, result)))
        return (result[:-2], int(result[-1])) if result[-2] > 0 else None

    @property
    def library(self) -> Library:
        """The code, compiled when it is first asked for."""
        if self._library is None:
            self._library = engine.load(self.key, lambda: emit(self._problem, self._plan), seldom=True)
        return self._library

    def _target(self) -> str:
        return ffi.register(f"stiffdsl_{self.key}", self.library, "search_handler")


def search_of(problem: SearchProblem, sample: np.ndarray | None, form: Form = FORM) -> SearchKernel | None:
    """The kernel, where LLVM is there and the factors are not too many. `sample`: values of the Jacobian near a
    solution, which pivots are chosen by."""
    if not engine.available():
        return None
    alphas = () if sample is None else (1.0,)
    massless = np.zeros(len(problem.free))
    plan = lu.plan(problem.rows, problem.columns, massless, sample, MULTIPLICATIONS, alphas, form)
    return None if plan is None else SearchKernel(problem, plan)


def emit(problem: SearchProblem, plan: lu.Plan) -> str:
    """The module."""
    module = IRModule(plan.form)
    functions = problem.residual, problem.jacobian
    scratch = max(emit_function(module, function, problem.tables) for function in functions)
    emit_assemble_and_solve(module, plan)
    n, padded = plan.n, -(-plan.n // 8) * 8 + 8
    vectors = ("f", "dx", "simplified", "z", "ones", "x", "sizes", "before")
    areas = Areas(
        (
            *((name, padded) for name in vectors),
            ("whole", problem.sizes[0]),
            *((name, len(problem.rows)) for name in ("J", "above", "below")),
            ("W", len(plan.source)),
            ("LU", plan.storage),
            ("A", storage(plan)),
            ("pivots", padded),
            ("flag", 1),
            ("scratch", scratch),
        )
    )
    _Newton(module, problem, plan, areas).write()
    parameters = [("double", "t"), *(("ptr", a) for a in (*ARGUMENTS[1:], "result", "work"))]
    code = Code(module, "search", parameters)
    whole = code.at("%work", areas["whole"])
    with code.loop(problem.sizes[0]) as k:
        code.store(code.load("%y", k), whole, k)
    pointers = (f"ptr %{a}" for a in ("p", "u", "start", "work"))
    made = code.call("newton", "double %t", *pointers, result="double")
    free = module.constants(problem.free.astype(np.int32))
    with code.loop(n) as k:
        code.store(code.load(whole, code.index(free, k)), "%result", k)
    found = code.apply("ge", made, code.number(0.0))
    code.store(code.select(found, code.number(1.0), code.number(0.0)), "%result", n)
    code.store(code.select(found, made, code.number(plan.form.search_iterations)), "%result", n + 1)
    code.put("ret void")
    code.finish()
    emit_lanes(module, "search", ARGUMENTS, areas.size)
    _emit_alone(module, areas.size)
    return module.text()


def _emit_alone(module: IRModule, size: int) -> None:
    """`search_alone(t, y, p, u, start, result)`, for the host."""
    parameters = [("double", "t"), *(("ptr", a) for a in (*ARGUMENTS[1:], "result"))]
    code = Code(module, "search_alone", parameters, linkage="dso_local")
    work = code.call("malloc", f"i64 {8 * size + 64}", result="noalias ptr")
    code.call("search", *(f"{kind} %{name}" for kind, name in parameters), f"ptr {work}")
    code.call("free", f"ptr {work}")
    code.put("ret void")
    code.finish()


def emit_assemble_and_solve(module: IRModule, plan: lu.Plan) -> None:
    """The linear algebra of a plan."""
    lu.emit_assemble(module, plan)
    lu.emit_factor(module, plan)
    lu.emit_solve(module, plan)
    emit_check(module, plan)
    emit_pivoted_factor(module, plan)
    emit_pivoted_solve(module, plan)


class _Newton:
    """`newton(t, p, u, start, work) -> double`: moves the free entries of `whole` to a solution; the iterations, -1
    where there is none."""

    def __init__(self, module: IRModule, problem: SearchProblem, plan: lu.Plan, areas: Areas):
        parameters = [("double", "t"), *(("ptr", a) for a in ("p", "u", "start", "work"))]
        self.code = Code(module, "newton", parameters, "double", attributes="noinline")
        self.problem, self.plan, self.areas = problem, plan, areas
        self.free = module.constants(problem.free.astype(np.int32))
        self.rows = module.constants(np.asarray(problem.rows, dtype=np.int32))
        self.columns = module.constants(np.asarray(problem.columns, dtype=np.int32))

    def area(self, name: str) -> str:
        return self.code.at("%work", self.areas[name])

    def evaluate(self, function: Function, result: str) -> None:
        pointers = (self.area("whole"), "%p", "%u", "%start", self.area(result), self.area("scratch"))
        self.code.call(function.name, "double %t", *(f"ptr {p}" for p in pointers))

    def size(self, k: str) -> str:
        """Of an unknown before the step, never zero."""
        code = self.code
        return code.apply("add", code.apply("abs", code.load(self.area("before"), k)), self._floor)

    @property
    def _floor(self) -> str:
        return self.code.number(damped_newton.FLOOR)

    def largest(self, vector: str) -> str:
        """The largest entry relative to the size of the unknowns; NaN where one is."""
        code = self.code
        most = code.variable("double", code.number(0.0))
        with code.loop(self.plan.n) as k:
            share = code.apply("div", code.apply("abs", code.load(self.area(vector), k)), self.size(k))
            before = code.load(most)
            # No comparison holds with NaN, which stays.
            larger = code.select(code.apply("le", share, before), before, share)
            code.store(code.select(code.apply("eq", before, before), larger, before), most)
        return code.load(most)

    def factor(self) -> None:
        """The factors of -J, planned where they serve; `flag` is 1 where pivots are taken as they come."""
        code, at = self.code, self.area
        code.call("assemble", f"double {code.number(0.0)}", f"ptr {at('J')}", f"ptr {at('W')}")
        code.call("factor", f"ptr {at('W')}", f"ptr {at('LU')}")
        with code.loop(self.plan.n) as k:
            code.store(code.number(1.0), at("ones"), k)
        code.call("solve", *(f"ptr {at(a)}" for a in ("LU", "ones", "x", "z")))
        good = code.call("check", *(f"ptr {at(a)}" for a in ("W", "ones", "x")), result="i1")
        code.store(code.select(good, code.number(0.0), code.number(1.0)), at("flag"))
        with code.when(code.apply("not", good)):
            code.call("pivoted_factor", *(f"ptr {at(a)}" for a in ("W", "A", "pivots")))

    def solve(self, x: str) -> None:
        """The correction `x` for the residual."""
        code, at = self.code, self.area
        with code.choice(code.apply("ne", code.load(at("flag")), code.number(0.0))) as (yes, no):
            with yes:
                code.call("pivoted_solve", *(f"ptr {at(a)}" for a in ("A", "pivots", "f", x)))
            with no:
                code.call("solve", *(f"ptr {at(a)}" for a in ("LU", "f", x, "z")))

    def met(self) -> str:
        """Whether every residual is a small share of the terms of its equation, taken to first order."""
        code = self.code
        return self._small(
            lambda e, j: code.apply("mul", code.apply("abs", code.load(self.area("J"), e)), self.size(j))
        )

    def met_beside(self) -> str:
        """The same at the end by slopes that hold beside it too, as `damped_newton.search_root` has it."""
        code, number, n = self.code, self.code.number, self.plan.n
        whole, before = self.area("whole"), self.area("before")
        with code.loop(n) as k:
            code.store(code.load(whole, code.index(self.free, k)), before, k)
        for name, side in (("J", 0.0), ("above", damped_newton.FLOOR), ("below", -damped_newton.FLOOR)):
            with code.loop(n) as k:
                moved = code.apply("add", code.load(before, k), number(side))
                code.store(moved, whole, code.index(self.free, k))
            self.evaluate(self.problem.jacobian, name)
        with code.loop(n) as k:
            code.store(code.load(before, k), whole, code.index(self.free, k))

        def slope(name: str, e: str) -> str:
            value = code.apply("abs", code.load(self.area(name), e))
            finite = code.apply("le", value, number(np.finfo(float).max))
            return code.select(finite, value, number(0.0))

        def term(e: str, j: str) -> str:
            own = code.apply("mul", slope("J", e), code.apply("abs", code.load(before, j)))
            beside = code.apply("mul", code.larger(slope("above", e), slope("below", e)), self.size(j))
            return code.larger(own, beside)

        return self._small(term)

    def finite(self) -> str:
        """Whether all of the residual and of its Jacobian are numbers."""
        code, number = self.code, self.code.number
        total = code.variable("double", number(0.0))
        for name, count in (("f", self.plan.n), ("J", len(self.problem.rows))):
            with code.loop(count) as k:
                value = code.load(self.area(name), k)
                # Zero, or NaN where the value is no number.
                nothing = code.apply("sub", value, value)
                code.store(code.apply("add", code.load(total), nothing), total)
        return code.apply("eq", code.load(total), number(0.0))

    def solved(self) -> str:
        """Whether the residual is zero."""
        code = self.code
        exact = code.variable("i1", "true")
        with code.loop(self.plan.n) as k:
            zero = code.apply("eq", code.load(self.area("f"), k), code.number(0.0))
            code.store(code.value(f"and i1 {code.load(exact, kind='i1')}, {zero}"), exact, kind="i1")
        return code.load(exact, kind="i1")

    def _small(self, term: Callable[[str, str], str]) -> str:
        """Whether residuals are small beside the sums of `term(entry, unknown)` of their equations."""
        code, at, number = self.code, self.area, self.code.number
        with code.loop(self.plan.n) as k:
            code.store(number(0.0), at("sizes"), k)
        with code.loop(len(self.problem.rows)) as e:
            i = code.index(self.rows, e)
            size = term(e, code.index(self.columns, e))
            code.store(code.apply("add", code.load(at("sizes"), i), size), at("sizes"), i)
        good = code.variable("i1", "true")
        with code.loop(self.plan.n) as k:
            size = code.load(at("sizes"), k)
            size = code.select(code.apply("gt", size, number(0.0)), size, number(1.0))
            left = code.apply("abs", code.load(at("f"), k))
            holds = code.apply("le", left, code.apply("mul", number(damped_newton.RESIDUAL), size))
            code.store(code.value(f"and i1 {code.load(good, kind='i1')}, {holds}"), good, kind="i1")
        return code.load(good, kind="i1")

    def leave(self, condition: str, value: str, label: str) -> None:
        with self.code.when(condition):
            self.code.put(f"ret double {value}")
            self.code.label(label)

    def write(self) -> None:
        code, number, n = self.code, self.code.number, self.plan.n
        whole = self.area("whole")
        damping, after = code.variable("double", number(1.0)), code.variable("double")
        made = code.variable("double", number(0.0))
        self.evaluate(self.problem.residual, "f")
        self.leave(self.solved(), number(0.0), "exact")
        with code.loop(self.plan.form.search_iterations):
            code.store(code.apply("add", code.load(made), number(1.0)), made)
            with code.loop(n) as k:
                code.store(code.load(whole, code.index(self.free, k)), self.area("before"), k)
            self.evaluate(self.problem.jacobian, "J")
            # The host moves off such points.
            self.leave(code.apply("not", self.finite()), number(-1.0), "undefined")
            self.factor()
            self.solve("dx")
            before = self.largest("dx")
            rounded = code.apply("lt", before, number(damped_newton.ROUNDING))
            wider = code.apply("mul", number(4.0), code.load(damping))
            code.store(code.smaller(wider, number(1.0)), damping)
            with code.forever() as shortening:
                share = code.load(damping)
                with code.loop(n) as k:
                    step = code.apply("mul", share, code.load(self.area("dx"), k))
                    moved = code.apply("add", code.load(self.area("before"), k), step)
                    code.store(moved, whole, code.index(self.free, k))
                self.evaluate(self.problem.residual, "f")
                self.solve("simplified")
                code.store(self.largest("simplified"), after)
                less = code.apply("sub", number(1.0), code.apply("mul", number(0.25), share))
                good = code.apply("le", code.load(after), code.apply("mul", less, before))
                at_once = code.apply("eq", share, number(1.0))
                # A correction that no longer shrinks is rounding; one that is no number is neither.
                finite = code.apply("le", code.load(after), number(np.finfo(float).max))
                good = code.apply("or", good, code.apply("and", code.apply("and", at_once, rounded), finite))
                code.leave(shortening, code.apply("or", good, self.solved()))
                self.leave(code.apply("not", emit_shortens(code, share, before)), number(-1.0), "failed")
                code.store(code.apply("mul", number(0.5), share), damping)
            last = code.load(after)
            still = code.apply("ge", last, code.apply("mul", number(0.5), before))
            ended = code.apply("le", code.smaller(before, last), number(RTOL))
            ended = code.apply("or", ended, code.apply("and", rounded, still))
            ended = code.apply("and", ended, code.apply("eq", code.load(damping), number(1.0)))
            ended = code.apply("and", ended, self.met())
            with code.when(code.apply("or", ended, self.solved())):
                holds = self.met_beside()
                code.put(f"ret double {code.select(holds, code.load(made), number(-1.0))}")
                code.label("found")
        code.put(f"ret double {number(-1.0)}")
        code.finish()
