"""Events whose guards are polynomials along a step: the first one, or that there is none for certain.

A guard that is affine in the moving unknowns and in time is, along dense output, a polynomial as that is. Its values at
as many nodes as it has coefficients give those in the basis of Bernstein, and it has no more zeros inside the step than
these have changes of sign (Farouki and Rajan, CAGD 4:191, 1987). No change: nothing turns there. One: the condition
turns once, and Newton's method finds where, on the polynomial alone. More: pieces of the step are halved until one of
both holds; where pieces become short the step is looked at closely (`events.py`).

event_polynomials(…) -> theta       the part of an attempted step behind which the first event lies; 2 where there is
                                    none for certain, less than 0 where that takes a closer look
event_piece(…, low, high) -> theta  the same of a piece of the step
guard_root(c, low, high) -> theta   the zero of a polynomial between two parts of a step
"""

from math import comb

import numpy as np

from stiffdsl.native.functions.emission import Shared, size_written_out, unrolled
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.ir.module import hexadecimal
from stiffdsl.native.step.attempt import PARAMETERS, KernelModel, Writer
from stiffdsl.native.step.dense_output import interpolated
from stiffdsl.native.step.layout import Areas
from stiffdsl.program.derivatives.degrees import degrees
from stiffdsl.solve.base.first_step import EPSILON

# Numbers of a vector, one for each node: dense output has no higher degree than 7.
LANES = 8
# Events of a model whose guards are computed for all nodes at once, and operations of these.
MOST, WORK = 32, 400
# Steps of Newton's method, each bisection where it leaves the interval.
STEPS = 60
# Roundings of time by which the place behind an event and that before it are away from the zero that was found; so
# often, and so many times further, they go on until conditions are there what they should be.
AWAY, TRIES, FURTHER = 1.0, 8, 8.0
# The shortest pieces of a step, as parts of it.
SHORTEST = 1.0 / 256
NONE, CLOSELY = 2.0, -1.0


def are_polynomials(model: KernelModel) -> bool:
    """Whether all guards of events that lie within steps are polynomials along these."""
    events = model.events
    if events is None or model.n == 0 or len(model.steps.H) + 2 > LANES:
        return False
    located = np.flatnonzero(events.located)
    if not 0 < len(located) <= MOST or size_written_out(events.guards) > WORK:
        return False
    constant = {"p": 0, "t": 1, "u": 2, "y": np.where(events.still, 0, 1)}
    found = degrees(events.guards, events.tables, constant)
    return bool(np.all(found[events.count + located] <= 1))


def bernstein_matrix(degree: int) -> np.ndarray:
    """The coefficients in the basis of Bernstein from values at nodes that are evenly spread."""
    x = np.arange(degree + 1) / degree
    powers = [comb(degree, i) * x**i * (1 - x) ** (degree - i) for i in range(degree + 1)]
    return np.linalg.inv(np.stack(powers, axis=1))


def power_matrix(degree: int) -> np.ndarray:
    """The coefficients of powers, the lowest first, from values at these nodes."""
    return np.linalg.inv(np.vander(np.arange(degree + 1) / degree, increasing=True))


def emit_event_polynomials(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """All functions."""
    degree = len(model.steps.H) + 1
    _emit_root(module, degree)
    given = (*PARAMETERS[:-1], ("double", "low"), ("double", "high"))
    code = Code(module, "event_piece", given, "double", attributes="noinline")
    _Polynomials(code, model, areas, degree).write()
    _emit_pieces(module)


def _emit_pieces(module: IRModule) -> None:
    """`event_polynomials(…)`: piece after piece, as long as each can be."""
    code = Code(module, "event_polynomials", PARAMETERS[:-1], "double", attributes="noinline")
    number, listed = code.number, [f"{kind} %{name}" for kind, name in PARAMETERS[:-1]]
    low, wide = code.variable("double", number(0.0)), code.variable("double", number(1.0))
    found = code.variable("double", number(NONE))
    with code.forever() as going:
        begin, width = code.load(low), code.load(wide)
        end = code.apply("add", begin, width)
        theta = code.call("event_piece", *listed, f"double {begin}", f"double {end}", result="double")
        code.store(theta, found)
        with code.choice(code.apply("lt", theta, number(0.0))) as (unsure, sure):
            with unsure:
                code.store(code.apply("mul", number(0.5), width), wide)
                code.leave(going, code.apply("le", width, number(SHORTEST)))
            with sure:
                code.leave(going, code.apply("le", theta, number(1.0)))
                code.leave(going, code.apply("ge", end, number(1.0)))
                rest = code.apply("sub", number(1.0), end)
                code.store(end, low)
                code.store(code.smaller(code.apply("mul", number(2.0), width), rest), wide)
    code.put(f"ret double {code.load(found)}")
    code.finish()


class _Polynomials:
    """The code of the search in one step."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas, degree: int):
        assert model.events is not None
        self.code, self.model, self.events, self.degree = code, model, model.events, degree
        self.writer = Writer(code, model, areas)
        self.area, self.count = self.writer.area, self.events.count
        self.closely = code.variable("i1", "false")
        self.theta = code.variable("double", code.number(NONE))

    def write(self) -> None:
        code, number = self.code, self.code.number
        values = self._at_nodes()
        for k in np.flatnonzero(self.events.located).tolist():
            self._look(values[k], values[self.count + k])
        with code.when(code.load(self.closely, kind="i1")):
            code.put(f"ret double {number(CLOSELY)}")
            code.label("sure")
        theta = code.load(self.theta)
        with code.when(code.apply("gt", theta, number(1.0))):
            code.put(f"ret double {number(NONE)}")
            code.label("some")
        theta = code.apply("add", "%low", code.apply("mul", theta, code.apply("sub", "%high", "%low")))
        # What conditions are where the piece begins.
        self._evaluate("%low")
        begun = self.area("event_nodes")
        with code.loop(self.count) as k:
            code.store(code.load(self.area("events"), k), begun, k)
        high = self._beside(theta, 1.0)
        found = self._beside(theta, -1.0)
        with code.loop(self.count) as k:
            code.store(code.load(self.area("events"), k), self.area("before"), k)
        sure = code.apply("and", code.apply("ge", high, number(0.0)), code.apply("ge", found, number(0.0)))
        code.put(f"ret double {code.select(sure, high, number(CLOSELY))}")
        code.finish()

    def _at_nodes(self) -> list[str]:
        """Conditions and guards, each for all nodes in a vector."""
        code, events, degree = self.code, self.events, self.degree
        nodes = [min(j, degree) / degree for j in range(LANES)]
        # Places are those of doubles: looked up before numbers are vectors.
        after, u = self.area("y1"), self.area("u")
        wide = code.apply("sub", "%high", "%low")
        rows = [self.area("K", r) for r in range(len(self.model.steps.H))]
        with code.vectors(LANES):
            parts = "<" + ", ".join(f"double {hexadecimal(x)}" for x in nodes) + ">"
            theta = code.fused(parts, code.same(wide), code.same("%low"))
            y = [code.number(0.0)] * self.model.n
            for k in events.read.tolist():
                start = code.spread("%y", k)
                if events.still[k]:
                    y[k] = start
                    continue
                K = [code.spread(row, k) for row in rows]
                y[k] = interpolated(code, start, code.spread(after, k), K, theta)
            time = code.apply("add", code.same("%t"), code.apply("mul", theta, code.same("%h")))
            arguments = {"t": time, "y": y, "p": Shared(code, "%p"), "u": Shared(code, u)}
            return list(unrolled(code, events.guards, events.tables, arguments))

    def _mask(self, vector: str) -> str:
        """A bit for each node: whether the number there is positive."""
        code = self.code
        with code.vectors(LANES):
            positive = code.apply("gt", vector, code.number(0.0))
        bits = code.value(f"bitcast <{LANES} x i1> {positive} to i{LANES}")
        bits = code.value(f"zext i{LANES} {bits} to i64")
        return code.integer("and", bits, str((1 << (self.degree + 1)) - 1))

    def _times(self, matrix: np.ndarray, vector: str) -> str:
        """A matrix times the values at the nodes."""
        code, size = self.code, self.degree + 1
        with code.vectors(LANES):
            total: str | None = None
            for j in range(size):
                column = [*matrix[:, j].tolist(), *[0.0] * (LANES - size)]
                factor = "<" + ", ".join(f"double {hexadecimal(x)}" for x in column) + ">"
                own = code.same(code.extracted(vector, j))
                total = code.apply("mul", factor, own) if total is None else code.fused(factor, own, total)
        assert total is not None
        return total

    def _turns(self, mask: str) -> str:
        """The bits where a mask changes from one node, or coefficient, to the next."""
        code = self.code
        changes = code.integer("xor", mask, code.integer("lshr", mask, "1"))
        return code.integer("and", changes, str((1 << self.degree) - 1))

    def _look(self, holds: str, guards: str) -> None:
        """Settles one event: nothing, a place where it turns true, or a closer look."""
        code, degree = self.code, self.degree
        condition = self._mask(holds)
        coefficients = self._times(bernstein_matrix(degree), guards)
        signs = self._mask(coefficients)
        turns = self._turns(signs)
        # At most one bit.
        several = code.integer("and", turns, code.integer("sub", turns, "1"))
        once = code.value(f"icmp eq i64 {several}, 0")
        last = str(1 << degree)
        starts, ends = (code.value(f"icmp ne i64 {code.integer('and', signs, b)}, 0") for b in ("1", last))
        rises = code.apply("and", ends, code.apply("not", starts))
        whole = str((1 << (degree + 1)) - 1)
        # Conditions of nodes: ones from some node on where it rises; zeros from some node on where it falls.
        upward = code.integer("xor", condition, whole)
        masks = code.select(rises, upward, condition, "i64")
        ordered = code.integer("and", masks, code.integer("add", masks, "1"))
        good = code.apply("and", once, code.value(f"icmp eq i64 {ordered}, 0"))
        # A rise begins below zero and ends with a condition that holds; else all that holds at the end held before.
        begins = code.value(f"icmp ne i64 {code.integer('and', condition, '1')}, 0")
        closes = code.value(f"icmp ne i64 {code.integer('and', condition, last)}, 0")
        with code.vectors(LANES):
            below = code.extracted(guards, 0)
        below = code.apply("lt", below, code.number(0.0))
        rising = code.apply("and", below, code.apply("and", closes, code.apply("not", begins)))
        level = code.apply("or", code.apply("not", closes), begins)
        level = code.apply("and", level, code.value(f"icmp eq i1 {closes}, {ends}"))
        good = code.apply("and", good, code.select(rises, rising, level, "i1"))
        bad = code.apply("not", good)
        code.store(code.apply("or", code.load(self.closely, kind="i1"), bad), self.closely, kind="i1")
        with code.when(code.apply("and", good, rises)):
            powers = self._times(power_matrix(degree), guards)
            polynomial = self.area("polynomial")
            with code.vectors(LANES):
                code.store_part(powers, polynomial, "0")
            # The number of nodes before it holds.
            code.module.declare("declare i64 @llvm.cttz.i64(i64, i1)")
            first = code.to_real(code.value(f"call i64 @llvm.cttz.i64(i64 {condition}, i1 false)"))
            wide = code.number(1.0 / degree)
            high = code.apply("mul", first, wide)
            low = code.apply("mul", code.apply("sub", first, code.number(1.0)), wide)
            listed = (f"ptr {polynomial}", f"double {low}", f"double {high}")
            root = code.call("guard_root", *listed, result="double")
            code.store(code.smaller(code.load(self.theta), root), self.theta)

    def _evaluate(self, theta: str) -> None:
        """Conditions and guards at a part of the step into `events`."""
        listed = [f"{kind} %{name}" for kind, name in PARAMETERS[:-1]]
        self.code.call("event_at", *listed, f"double {theta}")

    def _beside(self, theta: str, side: float) -> str:
        """A place just behind (`side` 1) the zero, where some condition has turned true since the piece began, or just
        before it (-1), where none has; less than 0 where there is none. Conditions there are left in `events`."""
        code, number, begun = self.code, self.code.number, self.area("event_nodes")
        length = code.apply("abs", "%h")
        size = code.larger(code.apply("abs", "%t"), length)
        least = code.apply("mul", number(AWAY * EPSILON), code.apply("div", size, length))
        away, place = code.variable("double", least), code.variable("double", number(CLOSELY))
        tries = code.variable("double", number(0.0))
        with code.forever() as trying:
            moved = code.apply("add", theta, code.apply("mul", number(side), code.load(away)))
            inside = code.smaller(code.larger(moved, "%low"), number(1.0))
            self._evaluate(inside)
            risen = code.variable("i1", "false")
            code.store("false", risen, kind="i1")
            with code.loop(self.count) as k:
                more = code.apply("gt", code.load(self.area("events"), k), code.load(begun, k))
                code.store(code.apply("or", code.load(risen, kind="i1"), more), risen, kind="i1")
            there = code.load(risen, kind="i1")
            there = there if side > 0 else code.apply("not", there)
            code.store(code.select(there, inside, code.load(place)), place)
            code.store(code.apply("add", code.load(tries), number(1.0)), tries)
            code.store(code.apply("mul", number(FURTHER), code.load(away)), away)
            code.leave(trying, there)
            code.leave(trying, code.apply("ge", code.load(tries), number(float(TRIES))))
        return code.load(place)


def _emit_root(module: IRModule, degree: int) -> None:
    """`guard_root(c, low, high) -> double`: by Newton's method, kept between `low` and `high`."""
    given = (("ptr", "c"), ("double", "low"), ("double", "high"))
    code = Code(module, "guard_root", given, "double", attributes="noinline")
    number = code.number
    c = [code.load("%c", i) for i in range(degree + 1)]

    def value(x: str) -> tuple[str, str]:
        """The polynomial and its slope."""
        total, slope = c[degree], number(0.0)
        for i in range(degree - 1, -1, -1):
            slope = total if i == degree - 1 else code.fused(slope, x, total)
            total = code.fused(total, x, c[i])
        return total, slope

    low, high = code.variable("double", "%low"), code.variable("double", "%high")
    below, above = value("%low")[0], value("%high")[0]
    part = code.apply("div", below, code.apply("sub", below, above))
    x = code.apply("add", "%low", code.apply("mul", part, code.apply("sub", "%high", "%low")))

    def inside(x: str) -> str:
        """x where it lies between `low` and `high`, else their middle."""
        a, b = code.load(low), code.load(high)
        within = code.apply("and", code.apply("ge", x, a), code.apply("le", x, b))
        return code.select(within, x, code.apply("mul", number(0.5), code.apply("add", a, b)))

    place, steps = code.variable("double", inside(x)), code.variable("double", number(0.0))
    with code.forever() as narrowing:
        x = code.load(place)
        height, slope = value(x)
        risen = code.apply("gt", height, number(0.0))
        code.store(code.select(risen, code.load(low), x), low)
        code.store(code.select(risen, x, code.load(high)), high)
        moved = inside(code.apply("sub", x, code.apply("div", height, slope)))
        code.store(moved, place)
        code.store(code.apply("add", code.load(steps), number(1.0)), steps)
        near = code.apply("le", code.apply("abs", code.apply("sub", moved, x)), number(EPSILON))
        code.leave(
            narrowing, code.apply("or", near, code.apply("ge", code.load(steps), number(float(STEPS))))
        )
    code.put(f"ret double {code.load(place)}")
    code.finish()
