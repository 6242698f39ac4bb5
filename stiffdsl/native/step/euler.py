"""A step of the implicit Euler method, for where a Rosenbrock method cannot step: by damped Newton iterations that
evaluate the Jacobian anew each time.

    M (y1 - y)/h = f(t + h, y1)        error of the states: (I - h J)^-1 (y1 - y - h f(t, y))/2

It needs no derivative where it begins, so it leaves points where a slope is infinite; and it sees on which side of a
kink it ends, where one linear system with the slopes of the other side would err by their ratio. Points on its way
where something is not finite are moved off, as in `solve/newton/damped_newton.py`. Algebraic unknowns have no error:
their equations hold.
"""

from collections.abc import Callable

import numpy as np

from stiffdsl.native.ir.code import COLD, Code, IRModule
from stiffdsl.native.step.attempt import PARAMETERS, KernelModel, Writer, pattern
from stiffdsl.native.step.layout import Areas
from stiffdsl.solve.newton import damped_newton, singular

# The first corrections are whole: between the two slopes of a kink whole ones arrive, where damped ones crawl.
WHOLE, ITERATIONS = 12, 40
# The last correction, in tolerated errors; below the second of these, one that no longer shrinks is rounding.
SMALL, ROUNDING = 1e-3, 1e-1
# Moves off a point, in tolerated errors: the first, and how much further each of the next goes.
MOVE, FURTHER, MOVES = 1.0, 10.0, 8
# The error counts so many times: where such steps are made, many may follow one another.
STRICTER = 20.0
LARGEST = np.finfo(float).max


class _Step:
    """The code of one step: its arrays, and what is done to them."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas, planned: bool):
        self.code, self.model, self.planned, self.n = code, model, planned, model.n
        self.writer = Writer(code, model, areas)
        self.area = self.writer.area
        self.mass = code.module.constants(np.asarray(model.mass, dtype=float))
        rows, columns = pattern(model)
        self.values = len(rows)
        self.rows, self.columns = (code.module.constants(a.astype(np.int32)) for a in (rows, columns))
        self.x, self.b, self.marked = self.area("y1"), self.area("b"), self.area("K")
        self.dx, self.simplified, self.slope, self.tried = (self.area("stages", i) for i in range(4))
        self.moves = code.variable("double", code.number(0.0))

    def pointers(self, *names: str) -> list[str]:
        return [f"ptr {name}" for name in names]

    def is_state(self, k: str) -> str:
        return self.code.apply("ne", self.code.load(self.mass, k), self.code.number(0.0))

    def tolerated(self, k: str) -> str:
        code = self.code
        sizes = [code.apply("abs", code.load(at, k)) for at in ("%y", self.x)]
        relative = code.apply("mul", "%rtol", code.larger(*sizes))
        return code.larger(code.apply("add", code.load("%atol", k), relative), code.number(singular.TINY))

    def largest(self, vector: str) -> str:
        """The largest entry in tolerated errors; NaN where one is."""
        code = self.code
        most = code.variable("double", code.number(0.0))
        with code.loop(self.n) as k:
            change = self.writer.weighed(k, code.load(vector, k))
            size = code.apply("abs", code.apply("div", change, self.tolerated(k)))
            before = code.load(most)
            code.store(code.select(code.apply("le", size, before), before, size), most)
        return code.load(most)

    def sum_of(self, pointer: str, count: int, term: Callable[[str], str]) -> str:
        code, total = self.code, self.code.variable("double", self.code.number(0.0))
        with code.loop(count) as k:
            code.store(code.apply("add", code.load(total), term(code.load(pointer, k))), total)
        return code.load(total)

    def is_zero(self, pointer: str, count: int, finite: bool = False) -> str:
        """Whether all entries are zero, or all are finite."""
        code = self.code

        def term(value: str) -> str:
            return code.apply("sub", value, value) if finite else code.apply("abs", value)

        return code.apply("eq", self.sum_of(pointer, count, term), code.number(0.0))

    def evaluate(self, function: str, time: str, y: str, result: str) -> None:
        pointers = self.pointers(y, "%p", self.area("u"), result, self.area("scratch"))
        self.code.call(function, f"double {time}", *pointers)

    def residual(self, at: str) -> None:
        """`f - M (at - y)/h` into b."""
        code = self.code
        self.evaluate("rhs", self.writer.time(1.0), at, self.b)
        with code.loop(self.n) as k:
            moved = code.apply("sub", code.load(at, k), code.load("%y", k))
            share = code.select(self.is_state(k), code.apply("div", moved, "%h"), code.number(0.0))
            code.store(code.apply("sub", code.load(self.b, k), share), self.b, k)

    def factor(self) -> None:
        """The factors of `M/h - J`, J as it is in its array; the flag `held` says which: 1 where they are dense."""
        code, area = self.code, self.area
        J, W, LU, A, pivots, flag = (area(a) for a in ("J", "W", "LU", "A", "pivots", "held"))
        code.call("assemble", f"double {code.apply('div', code.number(1.0), '%h')}", *self.pointers(J, W))
        code.store(code.number(1.0), flag)
        if self.planned:
            code.call("factor", *self.pointers(W, LU))
            ones, x = (area("stages", i) for i in range(4, 6))
            with code.loop(self.n) as k:
                code.store(code.number(1.0), ones, k)
            code.call("solve", *self.pointers(LU, ones, x, area("z")))
            good = code.call("check", *self.pointers(W, ones, x), result="i1")
            code.store(code.select(good, code.number(0.0), code.number(1.0)), flag)
        bad = code.apply("ne", code.load(flag), code.number(0.0))
        with code.when(bad):
            code.call("pivoted_factor", *self.pointers(W, A, pivots))

    def solve(self, x: str) -> None:
        """x for b."""
        code, area = self.code, self.area

        def dense() -> None:
            code.call("pivoted_solve", *self.pointers(area("A"), area("pivots"), self.b, x))

        if not self.planned:
            dense()
            return
        with code.choice(code.apply("ne", code.load(area("held")), code.number(0.0))) as (yes, no):
            with yes:
                dense()
            with no:
                code.call("solve", *self.pointers(area("LU"), self.b, x, area("z")))

    def mark(self) -> str:
        """Marks the unknowns that something depends on which is not finite; whether there are none."""
        code, J, zero = self.code, self.area("J"), self.code.number(0.0)
        finite = code.apply("and", self.is_zero(J, self.values, True), self.is_zero(self.b, self.n, True))
        with code.loop(self.n) as k:
            code.store(zero, self.marked, k)
        with code.loop(self.values) as e:
            value, row = code.load(J, e), code.load(self.b, code.index(self.rows, e))
            nothing = code.apply("add", code.apply("sub", value, value), code.apply("sub", row, row))
            with code.when(code.apply("not", code.apply("eq", nothing, zero))):
                code.store(code.number(1.0), self.marked, code.index(self.columns, e))
        return finite

    def move(self) -> None:
        """Moves the marked unknowns: up, down, then each its own way, further each time."""
        code = self.code
        sizes, signs = (code.module.constants(a) for a in singular.pattern(self.n))
        length = code.variable("double", code.number(MOVE))
        made = code.to_integer(code.load(self.moves))
        with code.loop(made):
            code.store(code.apply("mul", code.load(length), code.number(-FURTHER)), length)
        own = code.value(f"icmp sge i64 {made}, 2")
        with code.loop(self.n) as k:
            sign = code.select(own, code.load(signs, k), code.number(1.0))
            move = code.apply("mul", code.apply("mul", code.load(length), sign), code.load(sizes, k))
            move = code.apply("mul", code.apply("mul", move, self.tolerated(k)), code.load(self.marked, k))
            code.store(code.apply("add", code.load(self.x, k), move), self.x, k)
        code.store(code.apply("add", code.load(self.moves), code.number(1.0)), self.moves)

    def without_derivatives(self) -> None:
        """Zero for entries of J that are not finite."""
        code, J = self.code, self.area("J")
        with code.loop(self.values) as e:
            value = code.load(J, e)
            known = code.apply("eq", code.apply("sub", value, value), code.number(0.0))
            code.store(code.select(known, value, code.number(0.0)), J, e)


def emit_euler(module: IRModule, model: KernelModel, areas: Areas, planned: bool) -> None:
    """`euler(…) -> double`, with the parameters of an attempt: the error, NaN where no solution is found; the new value
    into `y1`, and into `LU` for who records it, zeros into `stages`."""
    code = Code(module, "euler", PARAMETERS, "double", attributes=COLD)
    step = _Step(code, model, areas, planned)
    n, number = model.n, code.number
    step.writer.drive(0.0)
    step.evaluate("rhs", "%t", "%y", step.slope)
    step.writer.drive(1.0)
    with code.loop(n) as k:
        code.store(code.load("%y", k), step.x, k)
    found = code.variable("i1", "false")
    damping, count = code.variable("double", number(1.0)), code.variable("double", number(0.0))
    with code.forever() as iterating:
        _iterate(step, damping, count, found)
        code.leave(iterating, code.load(found, kind="i1"))
        code.store(code.apply("add", code.load(count), number(1.0)), count)
        with code.when(code.apply("eq", code.load(count), number(WHOLE))), code.loop(n) as k:
            code.store(code.load("%y", k), step.x, k)
        code.leave(iterating, code.apply("ge", code.load(count), number(ITERATIONS)))
    with code.when(code.value(f"xor i1 {code.load(found, kind='i1')}, true")):
        code.put(f"ret double {number(float('nan'))}")
        code.label("nothing")
    _finish(step)


def _iterate(step: _Step, damping: str, count: str, found: str) -> None:
    """One iteration: a move off a point where something is not finite, else a correction."""
    code, number = step.code, step.code.number
    step.residual(step.x)
    step.evaluate("jacobian", step.writer.time(1.0), step.x, step.area("J"))
    regular = step.mark()
    moved_enough = code.apply("ge", code.load(step.moves), number(MOVES))
    with code.choice(code.apply("or", regular, moved_enough)) as (yes, no):
        with yes:
            step.without_derivatives()
            step.factor()
            step.solve(step.dx)
            _correct(step, damping, count, found)
        with no:
            step.move()
            code.store(number(1.0), damping)


def _correct(step: _Step, damping: str, count: str, found: str) -> None:
    """A correction, a later one damped by the natural monotonicity test; `found` where it was the last one. A small
    one, that is, by the slopes where it begins: those of the other side of a kink would make any residual small."""
    code, number, n = step.code, step.code.number, step.n
    before = step.largest(step.dx)
    rounded = code.apply("lt", before, number(ROUNDING))
    code.store(code.smaller(code.apply("mul", number(4.0), code.load(damping)), number(1.0)), damping)
    after, good = code.variable("double"), code.variable("i1", "false")
    with code.forever() as shortening:
        share = code.load(damping)
        with code.loop(n) as k:
            moved = code.apply("mul", share, code.load(step.dx, k))
            code.store(code.apply("add", code.load(step.x, k), moved), step.tried, k)
        step.residual(step.tried)
        solved = step.is_zero(step.b, n)
        step.solve(step.simplified)
        code.store(step.largest(step.simplified), after)
        less = code.apply("sub", number(1.0), code.apply("mul", number(0.25), share))
        natural = code.apply("le", code.load(after), code.apply("mul", less, before))
        early = code.apply("lt", code.load(count), number(WHOLE))
        whole = code.apply("and", code.apply("or", rounded, early), code.apply("eq", share, number(1.0)))
        finite = code.apply("le", code.load(after), number(LARGEST))
        fits = code.apply("or", code.apply("or", natural, solved), code.apply("and", whole, finite))
        code.store(fits, good, kind="i1")
        code.leave(shortening, fits)
        code.store(code.apply("mul", number(0.5), share), damping)
        code.leave(shortening, code.apply("le", share, number(damped_newton.SHORT_DAMPING)))
    with code.when(code.load(good, kind="i1")):
        with code.loop(n) as k:
            code.store(code.load(step.tried, k), step.x, k)
        last = code.load(after)
        ended = code.apply("le", before, number(SMALL))
        still = code.apply("ge", last, code.apply("mul", number(0.5), before))
        ended = code.apply("or", ended, code.apply("and", rounded, still))
        ended = code.apply("and", ended, code.apply("eq", code.load(damping), number(1.0)))
        code.store(code.apply("or", ended, step.is_zero(step.b, n)), found, kind="i1")


def _finish(step: _Step) -> None:
    """The error, and what is left for others."""
    code, number, n = step.code, step.code.number, step.n
    known = step.is_zero(step.slope, n, True)
    with code.loop(n) as k:
        moved = code.apply("sub", code.load(step.x, k), code.load("%y", k))
        straight = code.apply("mul", "%h", code.load(step.slope, k))
        off = code.apply("mul", number(0.5 * STRICTER), code.apply("sub", moved, straight))
        off = code.apply("div", code.select(known, off, moved), "%h")
        code.store(code.select(step.is_state(k), off, number(0.0)), step.b, k)
    step.solve(step.dx)
    with code.loop(n) as k:
        off = code.apply("div", step.writer.weighed(k, code.load(step.dx, k)), step.tolerated(k))
        code.store(code.select(step.is_state(k), off, number(0.0)), "%scaled", k)
        code.store(code.load(step.x, k), step.area("LU"), k)
        for i in range(step.model.tableau.stages):
            code.store(number(0.0), step.area("stages", i), k)
    step.writer.finish(step.sum_of("%scaled", n, lambda value: code.apply("mul", value, value)))
