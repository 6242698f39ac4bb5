"""Jumps in time inside a kernel (`solve/integrate/time_events.py`).

Conditions on time alone are decided by one time for all steps up to the next jump, in the middle between both. It
follows the parameters (`program/time/segments.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from stiffdsl.native.functions.emission import emit_function
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.ir.registers import Register, RegisterNamespace
from stiffdsl.native.loop.signals import next_jump
from stiffdsl.program.program import Function, Program
from stiffdsl.solve.base.crossings import (
    EPSILON,
    ROUNDINGS,
    SAME,
    TINY,
    Line,
    ahead,
    beside,
    jumps_here,
    line_at,
    next_value,
)


@dataclass(frozen=True, eq=False)
class TimeEvents:
    """The functions of a model with events in time: `crossings(p, side)`, whose values say when; `rhs` and `jacobian`
    as functions of `side` (`program/program.py`). `apart`: whether derivatives pass lines that jump at one time one
    after the other, since their times may move apart: then every line is decided by a time of its own."""

    crossings: Function
    rhs: Function
    jacobian: Function
    tables: dict[str, np.ndarray]
    periodic: np.ndarray
    apart: bool

    @property
    def count(self) -> int:
        return len(self.periodic)

    @property
    def sides(self) -> int:
        """The number of parameters that decide conditions: one for all lines, or one for each."""
        return self.count if self.apart else 1


def time_events_of(program: Program) -> TimeEvents | None:
    """The functions of the events in time, if there are any."""
    if not len(program.crossings_periodic):
        return None
    crossings, rhs, jacobian = (program.by_name[name] for name in ("crossings", "rhs", "jacobian"))
    periodic = program.crossings_periodic
    apart = program.events.count > 0 and program.crossings_follow and len(periodic) > 1
    return TimeEvents(crossings, rhs, jacobian, program.tables, periodic, apart)


def beyond_of(code: Code, t: str) -> str:
    """The distance from t beyond which another time is certainly not the same."""
    size = code.apply("mul", code.number(4 * ROUNDINGS * EPSILON), code.apply("abs", t))
    return code.apply("add", size, code.number(TINY))


@contextmanager
def saved_at(code: Code, times: str, cursor: str, t: str) -> Iterator[str]:
    """The body for every saved time that is as good as t, from the last one before the integer variable `cursor` on
    back; it is left before them."""
    same = code.apply("mul", code.number(SAME), code.apply("abs", t))
    with code.forever() as looking:
        s = code.load(cursor, kind="i64")
        code.leave(looking, code.value(f"icmp sle i64 {s}, 0"))
        s = code.integer("sub", s, "1")
        away = code.apply("abs", code.apply("sub", code.load(times, s), t))
        code.leave(looking, code.apply("gt", away, same))
        yield s
        code.store(s, cursor, kind="i64")


NEXT_TIME_EVENT = (
    *(("double", "t"), ("double", "end")),
    *(("ptr", name) for name in ("p", "operands", "side", "lines", "here", "scratch")),
)


def emit_next_time_event(module: IRModule, time_events: TimeEvents | None, tables: bool) -> int:
    """`next_time_event(…)`: the time of the first jump after t on the way to `end`, as the function of that name in
    `solve/integrate/time_events.py`, of a condition or of a table; `here`: 1 where something jumps at t, else 0; `side`
    and `lines` are for its use. Returns the doubles of scratch it needs."""
    needed = 0 if time_events is None else emit_function(module, time_events.crossings, time_events.tables)
    code = Code(module, "next_time_event", NEXT_TIME_EVENT, "double", attributes="noinline")
    number = code.number
    backward = code.apply("lt", "%end", "%t")
    direction = code.select(backward, number(-1.0), number(1.0))
    stop = code.variable("double", code.select(backward, number(-np.inf), number(np.inf)))
    code.store(number(0.0), "%here")
    if time_events is not None:
        _next_of_lines(code, time_events, direction, stop)
    if tables:
        half = code.apply("mul", number(0.5), beyond_of(code, "%t"))
        jump = next_jump(code, "%t", backward, half)
        nearer = code.apply(
            "lt", code.apply("mul", direction, jump), code.apply("mul", direction, code.load(stop))
        )
        code.store(code.select(nearer, jump, code.load(stop)), stop)
    time = code.load(stop)
    away = code.apply("abs", code.apply("sub", time, "%end"))
    same = code.apply("le", away, code.apply("mul", number(SAME), code.apply("abs", "%end")))
    code.put(f"ret double {code.select(same, '%end', time)}")
    code.finish()
    return needed


def _next_of_lines(code: Code, time_events: TimeEvents, direction: str, stop: str) -> None:
    """The time of the first jump of a line into the variable `stop`."""
    number, count = code.number, time_events.count
    lines = CrossingLines(code, time_events, "%t", "%p", "%side", "%lines", "%scratch")
    with code.loop(count) as k:
        code.store("%t", "%side", k)
    lines.evaluate()
    with code.loop(count) as k:
        line = lines.line(k)
        beside = code.apply("add", "%t", code.apply("mul", direction, line.beyond))
        code.store(code.select(line.here, beside, "%t"), "%side", k)
        code.store(code.select(line.here, number(1.0), code.load("%here")), "%here")
    lines.evaluate()
    nearest = code.variable("double")
    code.store(number(np.inf), nearest)
    xp = RegisterNamespace(code)
    with code.loop(count) as k:
        at = lines.line(k)
        now, toward = xp.of("%t", direction)
        time = (next_value(xp, at.line, at.periodic, toward) - at.line.offset) / at.line.slope
        distance, later = ahead(xp, at.line, time, now, toward)
        with code.when((later & (distance < xp.of(code.load(nearest)))).text):
            code.store(distance.text, nearest)
            code.store(time.text, stop)


@dataclass(frozen=True)
class _Now:
    """A line at a time: `beyond` is certainly after a jump; `here`: whether it jumps now."""

    line: Line
    periodic: Register
    beyond: str
    here: str

    @property
    def slope(self) -> str:
        return self.line.slope.text


class CrossingLines:
    """Code that evaluates the lines at t, with the sides and results in arrays."""

    def __init__(
        self, code: Code, time_events: TimeEvents, t: str, p: str, side: str, lines: str, scratch: str
    ):
        self.code, self.time_events, self.t, self.lines = code, time_events, t, lines
        self.pointers = [p, side, lines, scratch]
        self.periodic = code.module.constants(time_events.periodic.astype(np.int32))

    def evaluate(self) -> None:
        self.code.call("crossings", *(f"ptr {p}" for p in self.pointers))

    def line(self, k: str) -> _Now:
        code, xp = self.code, RegisterNamespace(self.code)
        offset, slope = code.load(self.lines, k), code.load(code.at(self.lines, self.time_events.count), k)
        line = line_at(xp, *xp.of(offset, slope, self.t))
        periodic = xp.of(code.value(f"icmp ne i64 {code.index(self.periodic, k)}, 0"))
        here, _ = jumps_here(xp, line, periodic)
        return _Now(line, periodic, beside(xp, line).text, here.text)
