"""Cotangents taken back along a solve: all of its steps, the last first."""

from stiffdsl.runtime.native import adjoint
from stiffdsl.runtime.native.code import Module
from stiffdsl.runtime.native.driver import Driver
from stiffdsl.runtime.native.landing import Landing
from stiffdsl.runtime.native.layout import STATE
from stiffdsl.runtime.native.lu_transposed import emit_solve_transposed
from stiffdsl.runtime.native.pivoted import emit_pivoted_solve_transposed
from stiffdsl.runtime.native.projected import emit_project_step_back
from stiffdsl.runtime.native.signals import emit_inputs_back
from stiffdsl.runtime.native.tape import DerivedFunctions


class Backward(Driver):
    def emit_step(self, module: Module, derivatives: DerivedFunctions) -> None:
        model, areas, record, small = self.model, self.areas, self.record, self.small
        if model.inputs:
            emit_inputs_back(module, model.inputs)
        emit_pivoted_solve_transposed(module, model.plan)
        if small:
            adjoint.emit_back(module, model, derivatives, areas, record)
        else:
            emit_solve_transposed(module, model.plan)
        adjoint.emit_back_general(module, model, derivatives, areas, record, planned=not small)
        adjoint.emit_save_back(module, model, areas, record)
        if model.project is not None:
            emit_project_step_back(module, model, derivatives, areas, record)

    def write(self) -> None:
        code, tape = self.code, self.tape
        size = code.integer("mul", self.segments, str(8 * tape.width))
        states = code.call("malloc", f"i64 {size}", result="noalias ptr")
        tape.copy(self.at["y_bar"], self.at["y0_bar"], self.whole("y0_bar"))
        for name in ("p_bar", "u_bar", "values_bar"):
            self.zero(name)
        tape.begin()
        made = code.variable("i64", "0")
        tape.copy(tape.state, states, tape.width)

        def state(s: str) -> str:
            return code.at(states, code.integer("mul", s, str(tape.width)))

        with code.forever() as going:
            code.leave(going, code.apply("not", tape.running()))
            s = code.load(made, kind="i64")
            tape.copy(tape.state, state(s), tape.width)
            tape.segment()
            code.store(code.integer("add", s, "1"), made, kind="i64")
        self.pass_times(tape.of_state("t"))
        count = code.load(made, kind="i64")
        with code.loop(count) as back:
            s = code.integer("sub", code.integer("sub", count, "1"), back)
            # The last segment is still there.
            with code.when(code.value(f"icmp ne i64 {back}, 0")):
                tape.copy(state(s), tape.state, tape.width)
                tape.segment()
            steps = code.to_integer(code.load(tape.state, STATE.index("recorded")))
            self.end_of(steps)
            with code.loop(steps) as before:
                self._back(code.integer("sub", code.integer("sub", steps, "1"), before))

        def start(d: str, place: str, j: str) -> None:
            y_bar = self.of_direction("y0_bar", d)
            value = code.load(self.of_direction("ys_bar", d), place)
            code.store(code.apply("add", code.load(y_bar, j), value), y_bar, j)

        self.at_start(start)
        if self.model.resets:
            tape.copy(states, tape.state, tape.width)
            jumped, t, y = self.begun()
            with code.when(jumped):
                self.reset(t, y, back=True)
        code.call("free", f"ptr {states}")

    def _back(self, r: str) -> None:
        code, row = self.code, self.row(r)
        if self.model.resets:
            self.over_reset(r, back=True)
        self.take_up(row)
        if self.follows:
            Landing(self).back(r)
        t, h = code.load(row, self.record["t"]), code.load(row, self.record["h"])
        high = code.load(self.cursor, kind="i64")
        begin = self.along(t)
        with code.forever() as passing:
            cursor = code.load(self.cursor, kind="i64")
            code.leave(passing, code.value(f"icmp sle i64 {cursor}, 0"))
            before = code.integer("sub", cursor, "1")
            code.leave(passing, code.apply("le", self.time(before), begin))
            code.store(before, self.cursor, kind="i64")
        low = code.load(self.cursor, kind="i64")
        with code.loop(self.directions) as d:
            names = ("y0_bar", "p_bar", "u_bar", "values_bar")
            y_bar, *others = (self.of_direction(name, d) for name in names)
            pointers = (self.at["saveat"], y_bar, self.of_direction("ys_bar", d), "%work")
            listed = (f"ptr {p}" for p in pointers)
            code.call("save_back", f"double {t}", f"double {h}", f"i64 {low}", f"i64 {high}", *listed)
            if self.model.project is not None:
                code.call("project_step_back", *self.step_arguments(row, t, h, [y_bar, *others]))
            code.call("stages_back", "ptr %work")
            self.step("back", row, t, h, [y_bar, *others])
