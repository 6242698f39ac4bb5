"""The record of accepted steps for derivatives: the start of each, its stages, and the factors that it solved with.

The steps of a solve are recorded segment by segment, as many as a buffer holds; the state before each segment is kept,
so that any segment can be made again. A buffer of the square root of `max_steps` steps bounds both.

What happens at an instant is recorded, too, where there are events: rows that open it, settle algebraic unknowns, take
a round of events, and close it (`instant_sensitivity.py`).

A solve can be made to follow the steps of another one, its guide: then what it gives is a smooth function of what it is
given, whose differences are second derivatives. Steps that end at t1 or at a jump follow these.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.native.gradient.meeting import Meeting, meeting_areas, passes_apart, rows_apart
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.loop.kernel import attempted, emit_depart
from stiffdsl.native.step.attempt import KernelModel, work_areas
from stiffdsl.native.step.events import emit_events
from stiffdsl.native.step.layout import OPERANDS, STATE, Areas, state_areas
from stiffdsl.program.program import Function
from stiffdsl.solve.base.event_rules import most_rounds
from stiffdsl.solve.base.status import Status

# Beside the options of a solve: times saved, directions, how many segments there may be, and points in all tables.
OPTIONS = ("rows", "directions", "segments", "points")
# Kinds of rows that are no steps, in the place of `dense`: an instant is opened; algebraic unknowns are set anew;
# events act; the instant is closed.
OPENED, SETTLED, ROUND, CLOSED = 3.0, 4.0, 5.0, 6.0
# What the time of an instant follows: nothing, the guard of an event, or a line over time.
FIXED, BY_GUARD, BY_LINE = 0.0, 1.0, 2.0

Derived = tuple[Function, dict[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class DerivedFunctions:
    """The derivatives of the functions of a model, each with its tables; None where a function depends on nothing that
    moves. `rhs_t` is differentiated as it stands, by the slopes of the inputs too."""

    rhs: Derived | None
    jacobian: Derived | None
    rhs_t: Derived | None
    project: Derived | None
    crossings: Derived | None
    event_guards: Derived | None = None
    event_reset: Derived | None = None
    event_behind: Derived | None = None

    def listed(self) -> dict[str, Derived]:
        named = {
            "rhs": self.rhs,
            "jacobian": self.jacobian,
            "rhs_t": self.rhs_t,
            "project": self.project,
            "crossings": self.crossings,
            "event_guards": self.event_guards,
            "event_reset": self.event_reset,
            "event_behind": self.event_behind,
        }
        return {name: derived for name, derived in named.items() if derived is not None}


def record_areas(model: KernelModel, guided: bool = False) -> Areas:
    """One step: its time and size, whether its pivots were those planned (else 1; 2 where it is one of the implicit
    Euler method, whose end is in the place of the factors), y before it, stages, factors; its end, where that was moved
    to the invariants; and where conditions jump in time, `side`, and whether one does so at the end of the step (1,
    else 0); the `span` of tables; where algebraic unknowns are set anew, whether they were so at the end of the step
    (1, else 0), and that end itself; with events, the part of the step `theta` up to the one that cut it (else 1),
    which have `fired` in a round, what the time of an instant `follows` (of lines that are passed one by one, which
    `line`), and whether the solve has `ended` there; with `guided`, whether it ended at t1, a jump or a knot."""
    n, stages = model.n, model.tableau.stages
    steps = (("t", 1), ("h", 1), ("dense", 1), ("y", n), ("stages", stages * n), ("LU", model.plan.storage))
    jumps, apart = 0 if model.time_events is None else 1, 1 if passes_apart(model) else 0
    events, some = (0, 0) if model.events is None else (model.events.count, 1)
    return Areas(
        (
            *(*steps, ("y1", 0 if model.project is None else n)),
            *(("side", model.sides), ("lands", jumps), ("span", 2)),
            *(("resets", 1 if model.resets else 0), ("end", n if model.resets else 0)),
            *(("theta", some), ("fired", events), ("follows", some), ("line", apart), ("ended", some)),
            ("last", 1 if guided else 0),
        )
    )


def instant_rows(model: KernelModel) -> int:
    """The most rows of one instant."""
    if model.events is None:
        return 0
    rows = 2 * most_rounds(model.events.count) + 4
    return 2 * rows + rows_apart(model) if passes_apart(model) else rows


def buffer_rows(model: KernelModel) -> int:
    """Rows of the buffer beyond those that are full: where the next segment begins, and what an instant adds."""
    return 1 + instant_rows(model)


def tape_areas(model: KernelModel, scratch: int, guided: bool = False) -> Areas:
    """The arrays of a lane: those of a solve, its state, and room for one step's derivatives; with `guided`, where the
    step sizes of the guide are, how many, and whether the step that is made ends at t1, a jump or a knot (1, else 0).
    """
    n, stages, rows = model.n, model.tableau.stages, len(model.tableau.H)
    inputs, lines = max(1, model.inputs), 0 if model.time_events is None else model.time_events.count
    events = 0 if model.events is None else model.events.count
    several, some = (n, 1) if events else (0, 0)
    return Areas(
        (
            *work_areas(model, scratch).sizes,
            *(("state", state_areas(n)[2]), ("dense", 1), ("stages_d", stages * n), ("K_d", rows * n)),
            *(
                ("f_t_d", n),
                ("J_d", max(1, len(model.plan.source))),
                ("y1_d", n),
                ("argument_d", n),
                ("b_d", n),
                ("unmoved", n),
            ),
            *(("u_d", inputs), ("u_t_d", inputs), ("back", n + model.parameters + 2 * inputs)),
            *(("early", lines), ("lines_d", 2 * lines), ("slope", n), ("jump", n), ("between", n)),
            *meeting_areas(model),
            # Instants: rows made, theta of the step and the derivative of its end's time, rates, and gradients.
            *(("made", some), ("theta", some), ("moves", some), ("rate", several), ("f_t_there", several)),
            *(("gradient", some * (1 + n + model.parameters + inputs)), ("share", some)),
            *(
                ("unit", 2 * events),
                ("reset_d", 2 + n if events else 0),
                ("behind_d", 1 + n if events else 0),
            ),
            ("guide", 3 if guided else 0),
        )
    )


class Recording(Meeting):
    """A solve that writes its accepted steps into the buffer `steps`, and saves nothing."""

    follows_slopes = True

    def __init__(self, code: Code, model: KernelModel, areas: Areas, record: Areas):
        super().__init__(code, model, areas)
        self.record = record
        self.guided = dict(areas.sizes)["guide"] > 0
        # The step before it was cut.
        self.whole_step: str | None = None

    def aim(self) -> tuple[str, str, str, str]:
        t, h, last, end = super().aim()
        if self.guided:
            self.code.store(self.code.select(last, self.number(1), self.number(0)), self.area("guide"), 2)
        return t, h, last, end

    def _as_they_come(self, arguments: list[str], result: str) -> None:
        self.code.store(self.number(1), self.area("dense"))
        super()._as_they_come(arguments, result)

    def by_euler(self, arguments: list[str], result: str) -> None:
        self.code.store(self.number(2), self.area("dense"))
        super().by_euler(arguments, result)

    def project(self, end: str) -> None:
        if self.model.project is not None:
            with self.code.loop(self.n) as k:
                self.code.store(self.after(k), self.area("unmoved"), k)
        super().project(end)

    def _save(self, t: str, h: str, end: str, known: bool = False) -> None:
        del known
        code, record = self.code, self.record
        recorded = code.to_integer(self.get("recorded"))
        row = code.at(self.pointers["steps"], code.integer("mul", recorded, str(record.size)))

        def copy(name: str, source: str, count: int) -> None:
            with code.loop(count) as k:
                code.store(code.load(source, k), code.at(row, record[name]), k)

        code.store(t, row, record["t"])
        code.store(h if self.whole_step is None else self.whole_step, row, record["h"])
        code.store(code.load(self.area("dense")), row, record["dense"])
        copy("y", self.y, self.n)
        copy("stages", self.area("stages"), self.model.tableau.stages * self.n)
        copy("LU", self.area("LU"), self.model.plan.storage)
        if self.model.project is not None:
            copy("y1", self.area("unmoved"), self.n)
        copy("span", self.area("span"), 2)
        if self.model.time_events is not None:
            copy("side", code.at(self.p, self.model.given), self.model.sides)
            here = code.apply("eq", end, self.get("stop"))
            lands = code.apply("and", here, code.apply("ne", end, self.option("t1")))
            if self.model.events is not None:
                lands = code.flag(False)
            code.store(code.select(lands, self.number(1), self.number(0)), row, record["lands"])
        if self.model.resets:
            resets = code.apply("eq", end, self.get("stop"))
            if self.model.events is not None:
                resets = code.flag(False)
            code.store(code.select(resets, self.number(1), self.number(0)), row, record["resets"])
            copy("end", self.area("y1"), self.n)
        if self.model.events is not None:
            theta = self.number(1) if self.whole_step is None else code.apply("div", h, self.whole_step)
            code.store(theta, row, record["theta"])
        if self.guided:
            code.store(code.load(self.area("guide"), 2), row, record["last"])
        self.add("recorded", 1)

    def _look_for_event(self, t: str, h: str, end: str, last: str) -> tuple[str, str, str, str]:
        self.whole_step = h
        return super()._look_for_event(t, h, end, last)

    def _before_reset(self, end: str, jumps: bool = True) -> None:
        if self.model.events is None:
            return
        code = self.code
        follows = self.number(BY_GUARD)
        if jumps:
            # Jumps of tables, and one that is t1, stay where they are.
            lines = code.flag(self.model.time_events is not None)
            moves = code.apply("and", lines, code.apply("ne", end, self.option("t1")))
            follows = code.select(moves, self.number(BY_LINE), self.number(FIXED))
        with self._rows_of_instant():
            row = append(code, self.model, self.areas, self.record, OPENED, end, self.y)
            code.store(follows, row, self.record["follows"])
            if self.line is not None:
                code.store(self.line, row, self.record["line"])

    def _happen(self) -> None:
        if self.model.events is None:
            return
        with self._rows_of_instant():
            super()._happen()

    def _reset(self) -> None:
        super()._reset()
        if self.model.events is None or not self.model.resets:
            return
        begins = self.code.apply("eq", self.get("t"), self.option("t0"))
        set_anew = self.code.apply("ne", self.get("reset"), self.number(0))
        jumps = self.code.apply("and", set_anew, self.code.apply("not", begins))
        with self.code.when(jumps), self._rows_of_instant():
            append(self.code, self.model, self.areas, self.record, SETTLED, self.get("t"), self.y)

    def _after_reset(self, end: str) -> None:
        if self.model.events is None:
            return
        code = self.code
        status = self.get("status")
        goes_on = code.apply("eq", status, self.number(Status.RUNNING))
        goes_on = code.apply("or", goes_on, code.apply("eq", status, self.number(Status.SUCCESS)))
        with self._rows_of_instant():
            row = append(code, self.model, self.areas, self.record, CLOSED, end, self.y)
            ended = code.select(goes_on, self.number(0), self.number(1))
            code.store(ended, row, self.record["ended"])

    @contextmanager
    def _rows_of_instant(self) -> Iterator[None]:
        """The count of rows in its array, where functions that are called find it."""
        self.code.store(self.get("recorded"), self.area("made"))
        yield
        self.set("recorded", self.code.load(self.area("made")))


def append(code: Code, model: KernelModel, areas: Areas, record: Areas, kind: float, t: str, y: str) -> str:
    """Writes a row that is no step, in a function with the parameters `operands` and `work`; a pointer to it."""

    def area(name: str) -> str:
        return code.at("%work", areas[name])

    steps, made = code.load("%operands", OPERANDS.index("steps"), "ptr"), code.load(area("made"))
    row = code.at(steps, code.integer("mul", code.to_integer(made), str(record.size)))
    code.store(code.number(kind), row, record["dense"])
    code.store(t, row, record["t"])
    assert model.events is not None
    listed = [("y", y, model.n), ("span", area("span"), 2), ("fired", area("fired"), model.events.count)]
    for name, source, count in listed:
        with code.loop(count) as k:
            code.store(code.load(source, k), code.at(row, record[name]), k)
    with code.loop(model.sides) as k:
        code.store(code.load(code.at(area("P"), model.given), k), code.at(row, record["side"]), k)
    code.store(code.apply("add", made, code.number(1.0)), area("made"))
    return row


class Following(Recording):
    """The same with the steps of a guide, all of which are taken."""

    watches_kinks = False

    def _error_between(self, t: str, h: str, error: str) -> str:
        del t, h
        return error

    def aim(self) -> tuple[str, str, str, str]:
        accepted = self.code.to_integer(self.get("accepted"))
        sizes = self.code.load(self.area("guide"), 0, "ptr")
        self.set("h", self.code.load(sizes, accepted))
        return super().aim()

    def settle(self, t: str, h: str, last: str, end: str, error: str) -> None:
        taken = self.code.select(self._finite(error), self.code.smaller(error, self.number(1)), error)
        super().settle(t, h, last, end, taken)

    def limit(self) -> str:
        """Whether the guide came no further, or a step failed where that of the guide did not."""
        code = self.code
        most = code.to_real(code.load(self.area("guide"), 1, "i64"))
        over = code.apply("ge", self.get("accepted"), most)
        over = code.apply("or", over, code.apply("gt", self.get("rejected"), self.number(0)))
        with code.when(over):
            self.set("status", self.number(Status.MAX_STEPS))
        return over


def emit_recording(
    module: IRModule, model: KernelModel, areas: Areas, record: Areas, small: bool, guided: bool = False
) -> None:
    """`begin_lane(operands, work)`, and `record_segment(operands, work)`: goes on from the state until the buffer is
    full or the solve ends. With `guided` also `follow_segment`, the same with the steps of a guide."""
    if model.events is not None:

        def note(f: Any, acted: bool) -> None:
            append(f.code, model, areas, record, SETTLED if acted else ROUND, "%t", "%y")

        emit_events(module, model, areas, note)
    emit_depart(module, model, areas, not small, lambda code: Recording(code, model, areas, record))
    parameters = [("ptr", "operands"), ("ptr", "work")]
    code = Code(module, "begin_lane", parameters, attributes="noinline")
    solve = Recording(code, model, areas, record)
    solve.open()
    solve.clear()
    solve.begin()
    solve.close()
    code.put("ret void")
    code.finish()

    for name, kind in (("record_segment", Recording), ("follow_segment", Following))[: 1 + guided]:
        code = Code(module, name, parameters, attributes="noinline")
        solve = kind(code, model, areas, record)
        solve.open()
        solve.clear()
        solve.set("recorded", solve.number(0))
        with code.when(solve.running()), code.forever() as stepping:
            code.leave(stepping, solve.limit())
            code.leave(stepping, code.apply("ge", solve.get("recorded"), solve.option("capacity")))
            code.store(solve.number(0), solve.area("dense"))
            t, h, last, end = solve.aim()
            solve.settle(t, h, last, end, attempted(solve, t, h, small))
            code.leave(stepping, code.apply("not", solve.running()))
        solve.close()
        code.put("ret void")
        code.finish()


class Tape:
    """Code of a driver: the segments of one lane, made in order, and made again."""

    def __init__(
        self, code: Code, model: KernelModel, areas: Areas, record: Areas, operands: tuple[str, ...]
    ):
        self.code, self.model, self.areas, self.record, self.operands = code, model, areas, record, operands
        self.width = state_areas(model.n)[2]
        self.state = code.at("%work", areas["state"])
        self.options = self.pointer("options")
        code.store(self.state, "%operands", OPERANDS.index("state"), "ptr")
        self.follows = False

    def pointer(self, name: str) -> str:
        return self.code.load("%operands", self.operands.index(name), "ptr")

    def of_state(self, name: str) -> str:
        return self.code.load(self.state, STATE.index(name))

    def copy(self, source: str, target: str, count: str | int) -> None:
        with self.code.loop(count) as k:
            self.code.store(self.code.load(source, k), target, k)

    def begin(self) -> None:
        self.code.call("begin_lane", "ptr %operands", "ptr %work")

    def segment(self) -> str:
        """Makes the next steps; their number."""
        name = "follow_segment" if self.follows else "record_segment"
        self.code.call(name, "ptr %operands", "ptr %work")
        return self.code.to_integer(self.of_state("recorded"))

    def running(self) -> str:
        return self.code.apply("eq", self.of_state("status"), self.code.number(float(Status.RUNNING)))

    def lead(self, guides: dict[str, str], buffer: str) -> str:
        """Makes the solve of the `guides`, pointers that take the places of operands, and notes its steps, for those
        that follow; returns the array of their sizes."""
        code = self.code
        guide = code.at("%work", self.areas["guide"])
        own = {name: self.pointer(name) for name in guides}
        for name, pointer in guides.items():
            code.store(pointer, "%operands", OPERANDS.index(name), "ptr")
        made, room = code.variable("i64", "0"), code.variable("i64", "1024")
        sizes = code.variable("ptr")
        code.store(code.call("malloc", "i64 8192", result="noalias ptr"), sizes, kind="ptr")
        self.begin()
        with code.forever() as going:
            code.leave(going, code.apply("not", self.running()))
            count = self.segment()
            before = code.load(made, kind="i64")
            after = code.integer("add", before, count)
            self._grow(sizes, room, before, after)
            with code.loop(count) as r:
                row = code.at(buffer, code.integer("mul", r, str(self.record.size)))
                last = code.apply("ne", code.load(row, self.record["last"]), code.number(0.0))
                size = code.select(last, code.number(math.inf), code.load(row, self.record["h"]))
                place = code.integer("add", before, r)
                code.store(size, code.load(sizes, kind="ptr"), place)
            code.store(after, made, kind="i64")
        found = code.load(sizes, kind="ptr")
        code.store(found, guide, 0, "ptr")
        code.store(code.load(made, kind="i64"), guide, 1, "i64")
        for name, pointer in own.items():
            code.store(pointer, "%operands", OPERANDS.index(name), "ptr")
        self.follows = True
        return found

    def _grow(self, sizes: str, room: str, before: str, after: str) -> None:
        """Makes room for `after` numbers, of which `before` are there."""
        code = self.code
        with code.when(code.value(f"icmp sgt i64 {after}, {code.load(room, kind='i64')}")):
            more = code.integer("mul", after, "2")
            size = code.integer("mul", more, "8")
            fresh, old = (
                code.call("malloc", f"i64 {size}", result="noalias ptr"),
                code.load(sizes, kind="ptr"),
            )
            self.copy(old, fresh, before)
            code.call("free", f"ptr {old}")
            code.store(fresh, sizes, kind="ptr")
            code.store(more, room, kind="i64")
