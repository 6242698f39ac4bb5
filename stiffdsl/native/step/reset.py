"""Algebraic unknowns where something jumps in time: set anew from their equations, the states held, as
`solve.integrate.time_events.Consistent` does.

The linear systems are those of a step in which the rows of the states are those of the identity, so that the factors of
the plan serve, or a dense matrix where they turn out bad:

    W = [I 0; -g_x -g_z]        W d = [0; g]        d_z = -g_z^-1 g, Newton's correction
"""

from collections.abc import Callable

import numpy as np

from stiffdsl.native.ir.code import COLD, Code, IRModule
from stiffdsl.native.step.attempt import KernelModel, pattern
from stiffdsl.native.step.layout import Areas
from stiffdsl.solve.integrate.time_events import ITERATIONS, RTOL
from stiffdsl.solve.newton import damped_newton

# A residual of at most this share of its terms is rounding, as is a correction that it gives.
ROUNDED = 64 * np.finfo(float).eps
ARGUMENTS = (("double", "t"), ("ptr", "y"), ("ptr", "p"))


class Held:
    """The code of one function: parts that all of them need. `beside`: for branches that the array `%side` decides."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas, beside: bool = False):
        self.code, self.model, self.areas, self.beside = code, model, areas, beside
        self.mass = code.module.constants(np.asarray(model.mass, dtype=float))

    def area(self, name: str, row: int = 0) -> str:
        return self.code.at("%work", self.areas[name] + row * self.model.n)

    def named(self, name: str) -> str:
        return f"{name}_beside" if self.beside else name

    def of_model(self, function: str, y: str, result: str) -> None:
        side = ["%side"] if self.beside else []
        pointers = (y, "%p", self.area("u"), *side, result, self.area("scratch"))
        self.code.call(self.named(function), "double %t", *(f"ptr {p}" for p in pointers))

    def factor(self, y: str) -> None:
        side = ["ptr %side"] if self.beside else []
        self.code.call(self.named("reset_factor"), "double %t", f"ptr {y}", "ptr %p", *side, "ptr %work")

    def solve(self, b: str, x: str, name: str = "reset_solve") -> None:
        self.code.call(name, f"ptr {b}", f"ptr {x}", "ptr %work")

    def is_state(self, k: str) -> str:
        return self.code.apply("ne", self.code.load(self.mass, k), self.code.number(0.0))

    def clear_states(self, vector: str, states: bool = True) -> None:
        """Zero for the states, or for all others."""
        code, zero = self.code, self.code.number(0.0)
        with code.loop(self.model.n) as k:
            value = code.load(vector, k)
            first, second = (zero, value) if states else (value, zero)
            code.store(code.select(self.is_state(k), first, second), vector, k)

    def largest(self, term: Callable[[str], str]) -> str:
        """The largest |term(k)| of the algebraic unknowns; NaN where one is."""
        code = self.code
        most = code.variable("double", code.number(0.0))
        with code.loop(self.model.n) as k:
            size = code.apply("abs", term(k))
            before = code.load(most)
            # No comparison holds with NaN, which stays.
            larger = code.select(code.apply("le", size, before), before, size)
            code.store(code.select(code.apply("eq", before, before), larger, before), most)
        return code.load(most)


def emit_reset(
    module: IRModule, model: KernelModel, areas: Areas, planned: bool, beside: bool = False
) -> None:
    """`reset(t, y, p, work) -> i1`: sets the algebraic unknowns of y, with the inputs as they are in their array;
    whether that succeeded. With `beside`, `reset_beside(t, y, p, side, work)`, by `rhs_beside` and `jacobian_beside`.
    `planned`: there are factors that follow the plan."""
    if not beside:
        emit_reset_solve(module, model, areas, planned)
    _emit_factor(module, model, areas, planned, beside)
    _emit_newton(module, model, areas, beside)


def _emit_newton(module: IRModule, model: KernelModel, areas: Areas, beside: bool) -> None:
    """Damped as in `solve/newton/damped_newton.py`, by the natural monotonicity test."""
    side = [("ptr", "side")] if beside else []
    name = "reset_beside" if beside else "reset"
    code = Code(module, name, (*ARGUMENTS, *side, ("ptr", "work")), "i1", attributes=COLD)
    held, number, n = Held(code, model, areas, beside), code.number, model.n
    tried, b, dx, simplified = (
        held.area("argument"),
        held.area("b"),
        *(held.area("stages", i) for i in (0, 1)),
    )
    terms = held.area("stages", 2)
    damping, after = code.variable("double", number(1.0)), code.variable("double")

    def relative(vector: str) -> str:
        def term(k: str) -> str:
            size = code.apply("add", code.apply("abs", code.load("%y", k)), number(damped_newton.FLOOR))
            return code.apply("div", code.load(vector, k), size)

        return held.largest(term)

    def residual(y: str) -> None:
        held.of_model("rhs", y, b)
        held.clear_states(b)

    def share_of_terms(k: str) -> str:
        return code.apply("div", code.load(b, k), code.load(terms, k))

    with code.loop(ITERATIONS):
        residual("%y")
        held.factor("%y")
        _emit_terms(held, "%y", terms)
        held.solve(b, dx)
        before = relative(dx)
        first = code.apply("mul", number(4.0), code.load(damping))
        code.store(code.smaller(first, number(1.0)), damping)
        with code.forever() as shortening:
            share = code.load(damping)
            with code.loop(n) as k:
                moved = code.apply("mul", share, code.load(dx, k))
                code.store(code.apply("add", code.load("%y", k), moved), tried, k)
            residual(tried)
            small = code.apply("lt", before, number(damped_newton.ROUNDING))
            rounded = code.apply("or", small, code.apply("le", held.largest(share_of_terms), number(ROUNDED)))
            held.solve(b, simplified)
            code.store(relative(simplified), after)
            less = code.apply("sub", number(1.0), code.apply("mul", number(0.25), share))
            good = code.apply("le", code.load(after), code.apply("mul", less, before))
            whole = code.apply("eq", share, number(1.0))
            # A correction that no longer shrinks is rounding; one that is no number is neither.
            finite = code.apply("le", code.load(after), number(np.finfo(float).max))
            good = code.apply("or", good, code.apply("and", code.apply("and", whole, rounded), finite))
            code.leave(shortening, good)
            with code.when(code.apply("not", emit_shortens(code, share, before))):
                code.put("ret i1 false")
                code.label("failed")
            code.store(code.apply("mul", number(0.5), share), damping)
        with code.loop(n) as k:
            code.store(code.load(tried, k), "%y", k)
        last = code.load(after)
        still = code.apply("ge", last, code.apply("mul", number(0.5), before))
        ended = code.apply("le", code.smaller(before, last), number(RTOL))
        ended = code.apply("or", ended, code.apply("and", rounded, still))
        with code.when(code.apply("and", ended, code.apply("eq", code.load(damping), number(1.0)))):
            code.put("ret i1 true")
            code.label("found")
    code.put("ret i1 false")
    code.finish()


def _emit_terms(held: Held, y: str, terms: str) -> None:
    """The size of the terms of every equation, taken to first order by the Jacobian at hand."""
    code, J = held.code, held.area("J")
    rows, columns = (code.module.constants(each.astype(np.int32)) for each in pattern(held.model))
    with code.loop(held.model.n) as k:
        code.store(code.number(np.finfo(float).tiny), terms, k)
    with code.loop(len(pattern(held.model)[0])) as e:
        row, column = code.index(rows, e), code.index(columns, e)
        term = code.apply("abs", code.apply("mul", code.load(J, e), code.load(y, column)))
        code.store(code.apply("add", code.load(terms, row), term), terms, row)


def emit_shortens(code: Code, damping: str, before: str) -> str:
    """Whether a step may be shortened further, as `damped_newton.shortens` has it."""
    number = code.number
    long = code.apply("gt", damping, number(damped_newton.SHORT_DAMPING))
    moves = code.apply("gt", code.apply("mul", damping, before), number(damped_newton.LEAST_MOVE))
    least = code.apply("gt", damping, number(damped_newton.LEAST_DAMPING))
    return code.apply("or", long, code.apply("and", least, moves))


def _emit_factor(module: IRModule, model: KernelModel, areas: Areas, planned: bool, beside: bool) -> None:
    """`reset_factor(t, y, p, work)`: factors of W for `reset_solve`; `held` says which: 1 where they are dense."""
    side = [("ptr", "side")] if beside else []
    name = "reset_factor_beside" if beside else "reset_factor"
    code = Code(module, name, (*ARGUMENTS, *side, ("ptr", "work")), attributes=COLD)
    held, number = Held(code, model, areas, beside), code.number
    J, W, LU, A, pivots, flag = (held.area(name) for name in ("J", "W", "LU", "A", "pivots", "held"))
    held.of_model("jacobian", "%y", J)
    rows, _ = pattern(model)
    of_states = module.constants(np.flatnonzero(model.mass[rows]).astype(np.int32))
    with code.loop(int(np.count_nonzero(model.mass[rows]))) as e:
        code.store(number(0.0), J, code.index(of_states, e))
    code.call("assemble", f"double {number(1.0)}", f"ptr {J}", f"ptr {W}")
    code.store(number(1.0), flag)
    if planned:
        code.call("factor", f"ptr {W}", f"ptr {LU}")
        # Newton's method needs the first two stages.
        ones, x = (held.area("stages", i) for i in range(2, 4))
        with code.loop(model.n) as k:
            code.store(number(1.0), ones, k)
        code.call("solve", *(f"ptr {a}" for a in (LU, ones, x, held.area("z"))))
        good = code.call("check", *(f"ptr {a}" for a in (W, ones, x)), result="i1")
        with code.when(good):
            code.store(number(0.0), flag)
            code.put("ret void")
            code.label("bad")
    code.call("pivoted_factor", f"ptr {W}", f"ptr {A}", f"ptr {pivots}")
    code.put("ret void")
    code.finish()


def emit_reset_solve(
    module: IRModule, model: KernelModel, areas: Areas, planned: bool, transposed: str = ""
) -> None:
    """`reset_solve(b, x, work)`, or `reset_solve_transposed`."""
    parameters = [("ptr", "b"), ("ptr", "x"), ("ptr", "work")]
    code = Code(module, f"reset_solve{transposed}", parameters, attributes=COLD)
    held = Held(code, model, areas)

    def dense() -> None:
        pointers = (held.area("A"), held.area("pivots"), "%b", "%x")
        code.call(f"pivoted_solve{transposed}", *(f"ptr {p}" for p in pointers))

    if not planned:
        dense()
    else:
        flag = code.apply("ne", code.load(held.area("held")), code.number(0.0))
        with code.choice(flag) as (yes, no):
            with yes:
                dense()
            with no:
                pointers = (held.area("LU"), "%b", "%x", held.area("z"))
                code.call(f"solve{transposed}", *(f"ptr {p}" for p in pointers))
    code.put("ret void")
    code.finish()
