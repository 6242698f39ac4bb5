"""What derivatives need of each accepted step: where it began, its stages, and the factors that it solved with.

The steps of a solve are recorded segment by segment, as many as a buffer holds; the state before each segment is kept,
so that any segment can be made again. A buffer of the square root of `max_steps` steps bounds both.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.program.program import Function
from stiffdsl.runtime.native.attempt import Model, work_areas
from stiffdsl.runtime.native.code import Code, Module
from stiffdsl.runtime.native.integration import Integration
from stiffdsl.runtime.native.kernel import attempted, emit_depart
from stiffdsl.runtime.native.layout import OPERANDS, STATE, Areas, state_areas
from stiffdsl.solve.status import Status

# Beside the options of a solve: times saved, directions, how many segments there may be, and points in all tables.
OPTIONS = ("rows", "directions", "segments", "points")
# Bytes that a buffer of steps may fill although the square root of `max_steps` would be less.
BUFFER = 2 << 20

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

    def listed(self) -> dict[str, Derived]:
        named = {
            "rhs": self.rhs,
            "jacobian": self.jacobian,
            "rhs_t": self.rhs_t,
            "project": self.project,
            "crossings": self.crossings,
        }
        return {name: derived for name, derived in named.items() if derived is not None}


def record_areas(model: Model) -> Areas:
    """One step: its time and size, whether its pivots were those planned (else 1), y before it, stages, factors; its
    end, where that was moved to the invariants; and where conditions jump in time, `side`, and whether one does so at
    the end of the step (1, else 0); the `span` of tables; where algebraic unknowns are set anew, whether they were so
    at the end of the step (1, else 0), and that end itself."""
    n, stages = model.n, model.tableau.stages
    steps = (("t", 1), ("h", 1), ("dense", 1), ("y", n), ("stages", stages * n), ("LU", model.plan.storage))
    jumps = 0 if model.stops is None else 1
    return Areas(
        (
            *(*steps, ("y1", 0 if model.project is None else n)),
            *(("side", jumps), ("lands", jumps), ("span", 2)),
            *(("resets", 1 if model.resets else 0), ("end", n if model.resets else 0)),
        )
    )


def tape_areas(model: Model, scratch: int) -> Areas:
    """The arrays of a lane: those of a solve, its state, and room for one step's derivatives."""
    n, stages, rows = model.n, model.tableau.stages, len(model.tableau.H)
    inputs, lines = max(1, model.inputs), 0 if model.stops is None else model.stops.count
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
            *(("before", lines), ("lines_d", 2 * lines), ("slope", n), ("jump", n), ("between", n)),
        )
    )


class Recording(Integration):
    """A solve that writes its accepted steps into the buffer `steps`, and saves nothing."""

    def __init__(self, code: Code, model: Model, areas: Areas, record: Areas):
        super().__init__(code, model, areas)
        self.record = record

    def _as_they_come(self, arguments: list[str], result: str) -> None:
        self.code.store(self.number(1), self.area("dense"))
        super()._as_they_come(arguments, result)

    def project(self, end: str) -> None:
        if self.model.project is not None:
            with self.code.loop(self.n) as k:
                self.code.store(self.after(k), self.area("unmoved"), k)
        super().project(end)

    def _save(self, t: str, h: str, end: str) -> None:
        code, record = self.code, self.record
        recorded = code.to_integer(self.get("recorded"))
        row = code.at(self.pointers["steps"], code.integer("mul", recorded, str(record.size)))

        def copy(name: str, source: str, count: int) -> None:
            with code.loop(count) as k:
                code.store(code.load(source, k), code.at(row, record[name]), k)

        code.store(t, row, record["t"])
        code.store(h, row, record["h"])
        code.store(code.load(self.area("dense")), row, record["dense"])
        copy("y", self.y, self.n)
        copy("stages", self.area("stages"), self.model.tableau.stages * self.n)
        copy("LU", self.area("LU"), self.model.plan.storage)
        if self.model.project is not None:
            copy("y1", self.area("unmoved"), self.n)
        copy("span", self.area("span"), 2)
        if self.model.stops is not None:
            code.store(self.get("side"), row, record["side"])
            here = code.apply("eq", end, self.get("stop"))
            lands = code.apply("and", here, code.apply("ne", end, self.option("t1")))
            code.store(code.select(lands, self.number(1), self.number(0)), row, record["lands"])
        if self.model.resets:
            resets = code.apply("eq", end, self.get("stop"))
            code.store(code.select(resets, self.number(1), self.number(0)), row, record["resets"])
            copy("end", self.area("y1"), self.n)
        self.add("recorded", 1)

    def _before_reset(self, end: str) -> None:
        del end

    def _after_reset(self, end: str) -> None:
        del end


def emit_recording(module: Module, model: Model, areas: Areas, record: Areas, small: bool) -> None:
    """`begin_lane(operands, work)`, and `record_segment(operands, work)`: goes on from the state until the buffer is
    full or the solve ends."""
    emit_depart(module, model, areas, planned=not small)
    parameters = [("ptr", "operands"), ("ptr", "work")]
    code = Code(module, "begin_lane", parameters, attributes="noinline")
    solve = Recording(code, model, areas, record)
    solve.open()
    solve.clear()
    solve.begin()
    solve.close()
    code.put("ret void")
    code.finish()

    code = Code(module, "record_segment", parameters, attributes="noinline")
    solve = Recording(code, model, areas, record)
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

    def __init__(self, code: Code, model: Model, areas: Areas, record: Areas, operands: tuple[str, ...]):
        self.code, self.model, self.areas, self.record, self.operands = code, model, areas, record, operands
        self.width = state_areas(model.n)[2]
        self.state = code.at("%work", areas["state"])
        self.options = self.pointer("options")
        code.store(self.state, "%operands", OPERANDS.index("state"), "ptr")

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
        self.code.call("record_segment", "ptr %operands", "ptr %work")
        return self.code.to_integer(self.of_state("recorded"))

    def running(self) -> str:
        return self.code.apply("eq", self.of_state("status"), self.code.number(float(Status.RUNNING)))
