"""Derivatives over an instant at which something happens, row by row as it was recorded (`tape.py`).

At an instant whose time follows a guard g or a line over time, that time moves by t., and everything with it; behind
it, derivatives are at constant time again (the saltation matrix):

    opened     t. = -(g_y y. + g_p p. + g_u u.) / g'        g' = g_t + g_y y' + g_u u'        y. += y' t.
    settled    W d = [0; f_y y. + f_p p. + f_t t.]          z. = d_z                          (`reset_sensitivity.py`)
    round      y. = r_y y. + r_p p. + r_u u. + r_t t.       for the values r after events, as constraints move them
    closed     y. -= y' t.                                  with the slopes y' behind the instant; z. follows

where y' are the equations' slopes for states, and for algebraic unknowns those that their equations imply. Where the
solve ends there, its last values move with the time. The steps and their times are held constant: as for jumps in time
(`event_sensitivity.py`), this is the derivative of the solution, up to the error of the solution itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from stiffdsl.native.gradient.adjoint import StepWriter, call_inputs_back
from stiffdsl.native.gradient.driver import Driver
from stiffdsl.native.gradient.meeting import TOGETHER
from stiffdsl.native.gradient.sensitivity import Moving
from stiffdsl.native.gradient.tape import (
    BY_GUARD,
    BY_LINE,
    CLOSED,
    FIXED,
    OPENED,
    ROUND,
    SETTLED,
    DerivedFunctions,
)
from stiffdsl.native.ir.code import COLD, Code, IRModule
from stiffdsl.native.loop.time_events import CrossingLines
from stiffdsl.native.step.attempt import KernelModel, pattern
from stiffdsl.native.step.layout import Areas
from stiffdsl.native.step.reset import ARGUMENTS, Held

# Times that move by the same parameters to this part move together.
SAME_MOTION = 1e-12
_AT = (*ARGUMENTS, ("ptr", "operands"), ("ptr", "work"))
_MOVING = (*_AT, *(("ptr", name) for name in ("y_d", "p_d", "u_d", "values_d")))
_OF_ROUND = (*_MOVING, ("ptr", "fired"))


def emit_instants(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas, forward: bool
) -> None:
    """The functions that are called for the rows of an instant, along directions or back."""
    _emit_rate(module, model, areas)
    if derivatives.event_guards is not None:
        _emit_guard(module, model, areas)
    if forward:
        _emit_open_forth(module, model, areas)
        _emit_round_forth(module, model, derivatives, areas)
    else:
        _emit_open_back(module, model, areas)
        _emit_round_back(module, model, derivatives, areas)


def _drive(held: Held) -> None:
    if held.model.inputs:
        pointers = ("%operands", *(held.area(name) for name in ("span", "u", "u_t")))
        held.code.call("inputs", "double %t", *(f"ptr {p}" for p in pointers))


def _emit_rate(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`instant_rate(t, y, p, operands, work)`: the slopes of y into `rate`, those of f by time into `f_t_there`; with
    algebraic unknowns their equations are factored."""
    code = Code(module, "instant_rate", _AT, attributes=COLD)
    held, n = Held(code, model, areas), model.n
    rate, f_t, b, dz = (held.area(name) for name in ("rate", "f_t_there", "b_d", "argument_d"))
    _drive(held)
    held.of_model("rhs", "%y", rate)
    held.clear_states(rate, states=False)
    if model.rhs_t is not None:
        pointers = ("%y", "%p", *(held.area(name) for name in ("u", "u_t")), f_t, held.area("scratch"))
        code.call("rhs_t", "double %t", *(f"ptr {p}" for p in pointers))
    else:
        with code.loop(n) as k:
            code.store(code.number(0.0), f_t, k)
    if not np.all(model.mass):
        held.clear_states(f_t)
        held.factor("%y")
        with code.loop(n) as k:
            code.store(code.load(f_t, k), b, k)
        rows, columns = (module.constants(a.astype(np.int32)) for a in pattern(model))
        with code.loop(len(pattern(model)[0])) as e:
            row, slope = code.index(rows, e), code.load(rate, code.index(columns, e))
            product = code.apply("mul", code.load(held.area("J"), e), slope)
            code.store(code.apply("add", code.load(b, row), product), b, row)
        held.clear_states(b)
        held.solve(b, dz)
        held.clear_states(dz)
        with code.loop(n) as k:
            code.store(code.apply("add", code.load(rate, k), code.load(dz, k)), rate, k)
    code.put("ret void")
    code.finish()


def _parts(model: KernelModel) -> tuple[int, int, int]:
    """Offsets of y, p and u in the gradient of a guard, behind t."""
    return 1, 1 + model.n, 1 + model.n + model.moving_parameters


def _of_parameters(model: KernelModel) -> list[tuple[int, int, int]]:
    """Parts of p in a gradient, which leaves the figures of tables out: their entries there from, up to, and how much
    further they stand in p."""
    first, held = model.figures.start, len(model.figures)
    return [(0, first, 0), (first, model.moving_parameters, held)] if held else [(0, model.parameters, 0)]


def _emit_guard(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`instant_guard(t, y, p, operands, work, event)`, after `instant_rate`: the gradient of the guard of an event into
    `gradient`, and into `share` what the time of its zero moves by, for each unit that it rises."""
    assert model.events is not None
    code = Code(module, "instant_guard", (*_AT, ("i64", "event")), attributes=COLD)
    held, number, count = Held(code, model, areas), code.number, model.events.count
    unit, gradient, rate = (held.area(name) for name in ("unit", "gradient", "rate"))
    with code.loop(2 * count) as k:
        code.store(number(0.0), unit, k)
    code.store(number(1.0), code.at(unit, count), "%event")
    pointers = ("%y", "%p", held.area("u"), unit, gradient, held.area("scratch"))
    code.call("event_guards_back", "double %t", *(f"ptr {p}" for p in pointers))
    of_y, _, of_u = _parts(model)
    rise = code.variable("double", code.load(gradient))
    for start, slopes, length in ((of_y, rate, model.n), (of_u, held.area("u_t"), model.inputs)):
        with code.loop(length) as k:
            product = code.apply("mul", code.load(code.at(gradient, start), k), code.load(slopes, k))
            code.store(code.apply("add", code.load(rise), product), rise)
    slope = code.load(rise)
    # Without a slope the zero of a guard does not move.
    flat = code.apply("eq", slope, number(0.0))
    share = code.apply("div", number(-1.0), code.select(flat, number(1.0), slope))
    code.store(code.select(flat, number(0.0), share), held.area("share"))
    code.put("ret void")
    code.finish()


def _defined(code: Code, slope: str, move: str) -> str:
    """`slope*move`, zero for what does not move: a slope may be NaN (`meeting.py`)."""
    still = code.apply("eq", move, code.number(0.0))
    return code.select(still, code.number(0.0), code.apply("mul", slope, move))


def _emit_open_forth(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`instant_open_forth(…)`: what the time of the instant moves by into `moves`, and y_d with it."""
    code = Code(module, "instant_open_forth", _MOVING, attributes=COLD)
    writer = Moving(code, model, areas, Areas(()))
    writer.move(0.0)
    of_y, of_p, of_u = _parts(model)
    gradient, rate = writer.area("gradient"), writer.area("rate")
    total = code.variable("double", code.number(0.0))

    def add(place: str, dot: str) -> None:
        product = _defined(code, code.load(place), code.load(dot))
        code.store(code.apply("add", code.load(total), product), total)

    for start, dots, length in ((of_y, "%y_d", model.n), (of_u, writer.area("u_d"), model.inputs)):
        with code.loop(length) as k:
            add(code.at(code.at(gradient, start), k), code.at(dots, k))
    for low, high, shift in _of_parameters(model):
        with code.loop(high, low) as k:
            add(code.at(code.at(gradient, of_p), k), code.at(code.at("%p_d", shift), k))
    moves = code.apply("mul", code.load(total), code.load(writer.area("share")))
    code.store(moves, writer.area("moves"))
    with code.loop(model.n) as k:
        moved = code.apply("mul", code.load(rate, k), moves)
        code.store(code.apply("add", code.load("%y_d", k), moved), "%y_d", k)
    code.put("ret void")
    code.finish()


def _emit_open_back(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`instant_open_back(…)`: the cotangents of y behind, in y_d, become those before, with that of the time of the
    instant in `moves`."""
    code = Code(module, "instant_open_back", _MOVING, attributes=COLD)
    writer = StepWriter(code, model, areas, Areas(()))
    of_y, of_p, of_u = _parts(model)
    gradient, rate = writer.area("gradient"), writer.area("rate")
    total = code.variable("double", code.load(writer.area("moves")))
    with code.loop(model.n) as k:
        product = code.apply("mul", code.load(rate, k), code.load("%y_d", k))
        code.store(code.apply("add", code.load(total), product), total)
    share = code.apply("mul", code.load(total), code.load(writer.area("share")))
    listed = [(of_y, "%y_d", 0, model.n)]
    listed += [(of_p, code.at("%p_d", shift), low, high) for low, high, shift in _of_parameters(model)]
    for start, bars, low, high in listed:
        with code.loop(high, low) as k:
            part = _defined(code, code.load(code.at(gradient, start), k), share)
            code.store(code.apply("add", code.load(bars, k), part), bars, k)
    if model.inputs:
        with code.loop(model.inputs) as k:
            part = code.apply("mul", code.load(code.at(gradient, of_u), k), share)
            code.store(part, writer.area("u_d"), k)
            code.store(code.number(0.0), writer.area("u_t_d"), k)
        call_inputs_back(writer, "%t")
    code.put("ret void")
    code.finish()


def _emit_round_forth(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas
) -> None:
    """`instant_round_forth(…, fired)`: y_d behind the events `fired`, of the time in `moves`."""
    code = Code(module, "instant_round_forth", _OF_ROUND, attributes=COLD)
    writer, result = Moving(code, model, areas, Areas(())), "%y_d"
    if derivatives.event_reset is None:
        with code.loop(model.n) as k:
            code.store(code.number(0.0), result, k)
    else:
        writer.drive(0.0)
        writer.move(0.0)
        moves, found, u_d = (writer.area(name) for name in ("moves", "reset_d", "u_d"))
        with code.loop(model.inputs) as k:
            change = code.apply("mul", code.load(writer.area("u_t"), k), code.load(moves))
            code.store(code.apply("add", code.load(u_d, k), change), u_d, k)
        pointers = (f"ptr {p}" for p in ("%y", "%p", writer.area("u"), "%fired"))
        dots = (f"ptr {p}" for p in ("%y_d", "%p_d", u_d, found, writer.area("scratch")))
        code.call("event_reset_dot", "double %t", *pointers, f"double {code.load(moves)}", *dots)
        if derivatives.event_behind is not None:
            first, found = found, writer.area("behind_d")
            values = _reset_again(writer)
            pointers = (f"ptr {p}" for p in (values, "%p", writer.area("u"), "%y"))
            dots = (f"ptr {p}" for p in (first, "%p_d", u_d, found, writer.area("scratch")))
            code.call("event_behind_dot", "double %t", *pointers, f"double {code.load(moves)}", *dots)
        with code.loop(model.n) as k:
            code.store(code.load(found, k), result, k)
    code.put("ret void")
    code.finish()


def _emit_round_back(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas
) -> None:
    """`instant_round_back(…, fired)`: the cotangents in y_d, behind the events `fired`, become those before; that of
    the time of the instant is added to `moves`."""
    code = Code(module, "instant_round_back", _OF_ROUND, attributes=COLD)
    writer, zero = StepWriter(code, model, areas, Areas(())), code.number(0.0)
    if derivatives.event_reset is None:
        with code.loop(model.n) as k:
            code.store(zero, "%y_d", k)
        code.put("ret void")
        code.finish()
        return
    writer.drive(0.0)
    if derivatives.event_behind is not None:
        _round_part_back(writer, "event_behind_back", _reset_again(writer), "%y", 1)
    _round_part_back(writer, "event_reset_back", "%y", "%fired", 2)
    code.put("ret void")
    code.finish()


def _reset_again(writer: StepWriter) -> str:
    """Values set by events, before constraints move the rest."""
    code, values = writer.code, writer.area("reset_y")
    pointers = ("%y", "%p", writer.area("u"), "%fired", values, writer.area("scratch"))
    code.call("event_reset", "double %t", *(f"ptr {p}" for p in pointers))
    return values


def _round_part_back(writer: StepWriter, function: str, y: str, more: str, flags: int) -> None:
    """Takes the cotangents in y_d over a function at y, whose last results are `flags`."""
    code, model, zero = writer.code, writer.model, writer.code.number(0.0)
    of_y, of_p, of_u = _parts(model)
    bar, back, moves = (writer.area(name) for name in ("reset_d", "gradient", "moves"))
    with code.loop(model.n) as k:
        code.store(code.load("%y_d", k), bar, k)
    for k in range(flags):
        code.store(zero, code.at(bar, model.n), k)
    pointers = (y, "%p", writer.area("u"), more, bar, back, writer.area("scratch"))
    code.call(function, "double %t", *(f"ptr {p}" for p in pointers))
    total = code.variable("double", code.apply("add", code.load(moves), code.load(back)))
    with code.loop(model.n) as k:
        code.store(code.load(code.at(back, of_y), k), "%y_d", k)
    for low, high, shift in _of_parameters(model):
        bars = code.at("%p_d", shift)
        with code.loop(high, low) as k:
            part = code.load(code.at(back, of_p), k)
            code.store(code.apply("add", code.load(bars, k), part), bars, k)
    if model.inputs:
        with code.loop(model.inputs) as k:
            part = code.load(code.at(back, of_u), k)
            change = code.apply("mul", part, code.load(writer.area("u_t"), k))
            code.store(code.apply("add", code.load(total), change), total)
            code.store(part, writer.area("u_d"), k)
            code.store(zero, writer.area("u_t_d"), k)
        call_inputs_back(writer, "%t")
    code.store(code.load(total), moves)


class Instants:
    """Code for one lane of a driver: all directions over the rows of instants."""

    def __init__(self, driver: Driver):
        self.driver, self.code, self.model = driver, driver.code, driver.model

    def _area(self, name: str) -> str:
        return self.code.at("%work", self.driver.areas[name])

    def _at(self, row: str) -> tuple[str, ...]:
        """The arguments of functions at a row."""
        t, y = self.code.load(row, self.driver.record["t"]), self.code.at(row, self.driver.record["y"])
        return f"double {t}", f"ptr {y}", f"ptr {self.driver.at['p']}", "ptr %operands", "ptr %work"

    @contextmanager
    def _kinds(self, row: str, kind: float) -> Iterator[None]:
        found = self.code.load(row, self.driver.record["dense"])
        with self.code.when(self.code.apply("eq", found, self.code.number(kind))):
            yield

    @contextmanager
    def _each(self, back: bool) -> Iterator[tuple[str, list[str]]]:
        """Every direction with its arrays; what the time of the instant moves by is in `moves`."""
        code, driver = self.code, self.driver
        names = (
            ("y0_bar", "p_bar", "u_bar", "values_bar") if back else ("y_dot", "p_dot", "u_dot", "values_dot")
        )
        with code.loop(driver.directions) as d:
            code.store(code.load(driver.moves, d), self._area("moves"))
            yield d, [driver.of_direction(name, d) for name in names]
            code.store(code.load(self._area("moves")), driver.moves, d)

    def _call(self, name: str, row: str, pointers: list[str], *more: str) -> None:
        self.code.call(name, *self._at(row), *(f"ptr {p}" for p in (*pointers, *more)))

    def over(self, r: str, back: bool) -> None:
        """Moves all directions over row r, or back."""
        code, record = self.code, self.driver.record
        row = self.driver.row(r)
        self.driver.take_up(row)
        with self._kinds(row, OPENED):
            self._rates(row)
            self._gradient(row, code.integer("add", r, "1"))
            with self._each(back) as (_, pointers):
                self._call("instant_open_back" if back else "instant_open_forth", row, pointers)
        if self.model.resets:
            with self._kinds(row, SETTLED):
                self._rates(row)
                self._settle(row, back)
        with self._kinds(row, ROUND), self._each(back) as (_, pointers):
            fired = code.at(row, record["fired"])
            self._call("instant_round_back" if back else "instant_round_forth", row, pointers, fired)
        with self._kinds(row, CLOSED):
            self._rates(row)
            if back:
                self.driver.saved_there(row, back)
            self._close(row, back)
            if not back:
                self.driver.saved_there(row, back)

    def _rates(self, row: str) -> None:
        self.code.call("instant_rate", *self._at(row))

    def _settle(self, row: str, back: bool) -> None:
        """Algebraic unknowns, with the time in `moves`; they are factored."""
        with self._each(back) as (_, pointers):
            self._call("reset_back" if back else "reset_forth", row, pointers)

    def _close(self, row: str, back: bool) -> None:
        code, driver = self.code, self.driver
        ended = code.apply("ne", code.load(row, driver.record["ended"]), code.number(0.0))
        with code.choice(ended) as (last, on):
            with last:
                if back:
                    with code.loop(driver.directions) as d:
                        code.store(code.load(driver.of_direction("t_bar", d)), driver.moves, d)
                else:
                    with code.loop(driver.directions) as d:
                        code.store(code.load(driver.moves, d), driver.of_direction("t_dot", d))
            with on:
                self._go_on(row, back)

    def _go_on(self, row: str, back: bool) -> None:
        """To constant time: y. -= y' t., and algebraic unknowns as their equations have them."""
        code, driver = self.code, self.driver
        name, rate, total = "y0_bar" if back else "y_dot", self._area("rate"), code.variable("double")
        if back and self.model.resets:
            self._still()
            self._settle(row, back)
        with code.loop(driver.directions) as d:
            vector, moves = driver.of_direction(name, d), code.load(driver.moves, d)
            code.store(code.number(0.0), total)
            with code.loop(self.model.n) as k:
                value, slope = code.load(vector, k), code.load(rate, k)
                if back:
                    left = code.apply("sub", code.load(total), code.apply("mul", slope, value))
                    code.store(left, total)
                else:
                    code.store(code.apply("sub", value, code.apply("mul", slope, moves)), vector, k)
            if back:
                code.store(code.load(total), driver.moves, d)
        if not back and self.model.resets:
            self._still()
            self._settle(row, back)

    def _still(self) -> None:
        with self.code.loop(self.driver.directions) as d:
            self.code.store(self.code.number(0.0), self.driver.moves, d)

    # --- what the time of an instant follows ---

    def _gradient(self, row: str, following: str) -> None:
        """The gradient that the time of an instant moves by, and the `share` of it."""
        code, number = self.code, self.code.number
        follows = code.load(row, self.driver.record["follows"])
        length = 1 + self.model.n + self.model.parameters + self.model.inputs
        with code.loop(length) as k:
            code.store(number(0.0), self._area("gradient"), k)
        code.store(number(FIXED), self._area("share"))
        with code.when(code.apply("eq", follows, number(BY_GUARD))):
            self._by_guard(row, self.driver.row(following))
        with code.when(code.apply("eq", follows, number(BY_LINE))):
            self._by_line(row)

    def _by_guard(self, row: str, following: str) -> None:
        """The first event that fires is that which was located."""
        code, events = self.code, self.model.events
        assert events is not None
        if not self.driver.guarded:
            return
        acts = code.load(following, self.driver.record["dense"])
        event = code.variable("i64", str(events.count))
        with code.when(code.apply("eq", acts, code.number(ROUND))), code.loop(events.count) as k:
            before = code.integer("sub", str(events.count - 1), k)
            fired = code.load(code.at(following, self.driver.record["fired"]), before)
            with code.when(code.apply("gt", fired, code.number(0.5))):
                code.store(before, event, kind="i64")
        found = code.load(event, kind="i64")
        with code.when(code.value(f"icmp slt i64 {found}, {events.count}")):
            code.call("instant_guard", *self._at(row), f"i64 {found}")

    def _by_line(self, row: str) -> None:
        """The gradient of the time of the line that jumps there."""
        driver, time_events = self.driver, self.model.time_events
        if time_events is None or not driver.lined:
            return
        code, number = self.code, self.code.number
        side, lines, bar, scratch = (self._area(name) for name in ("early", "lines", "lines_d", "scratch"))
        t, middle = code.load(row, driver.record["t"]), code.at(row, driver.record["side"])
        with code.loop(time_events.count) as k:
            code.store(code.load(middle, k if time_events.apart else 0), side, k)
        crossing = CrossingLines(code, time_events, t, driver.at["p"], side, lines, scratch)
        crossing.evaluate()
        of_p = code.at(self._area("gradient"), _parts(self.model)[1])
        found = self._area("back") if time_events.apart else of_p
        with code.loop(time_events.count) as k:
            line = crossing.line(k)
            passed = line.here
            if time_events.apart:
                own = code.load(row, driver.record["line"])
                together = code.apply("and", passed, code.apply("eq", own, number(TOGETHER)))
                passed = code.apply("or", code.apply("eq", own, code.to_real(k)), together)
            with code.when(passed):
                with code.loop(2 * time_events.count) as j:
                    code.store(number(0.0), bar, j)
                inverse = code.apply("div", number(-1.0), line.slope)
                code.store(inverse, bar, k)
                code.store(code.apply("mul", inverse, t), code.at(bar, time_events.count), k)
                pointers = (driver.at["p"], side, bar, found, scratch)
                code.call("crossings_back", *(f"ptr {p}" for p in pointers))
                if time_events.apart:
                    self._joined(found, of_p)
                code.store(number(1.0), self._area("share"))

    def _joined(self, found: str, of_p: str) -> None:
        """The gradient of a line into `of_p`; NaN where another one that jumps at the same time has another."""
        code, number = self.code, self.code.number
        first = code.apply("eq", code.load(self._area("share")), number(FIXED))
        with code.loop(self.model.moving_parameters - self.model.sides) as j:
            one, other = code.load(found, j), code.load(of_p, j)
            size = code.apply("add", code.apply("abs", one), code.apply("abs", other))
            apart = code.apply("abs", code.apply("sub", one, other))
            same = code.apply("le", apart, code.apply("mul", number(SAME_MOTION), size))
            joined = code.select(same, one, number(float("nan")))
            code.store(code.select(first, one, joined), of_p, j)
