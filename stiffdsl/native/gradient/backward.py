"""Cotangents taken back along a solve: all of its steps, the last first."""

from stiffdsl.native.factors.lu_transposed import emit_solve_transposed
from stiffdsl.native.factors.pivoted import emit_pivoted_solve_transposed
from stiffdsl.native.gradient import adjoint
from stiffdsl.native.gradient.adjoint import normal
from stiffdsl.native.gradient.driver import Driver
from stiffdsl.native.gradient.euler_sensitivity import emit_euler_back
from stiffdsl.native.gradient.event_sensitivity import Landing
from stiffdsl.native.gradient.instant_sensitivity import Instants, emit_instants
from stiffdsl.native.gradient.packs import Packs
from stiffdsl.native.gradient.projection_sensitivity import emit_project_step_back
from stiffdsl.native.gradient.tape import DerivedFunctions
from stiffdsl.native.ir.code import IRModule
from stiffdsl.native.loop.signals import emit_inputs_back
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.native.step.layout import STATE, Areas


class Backward(Driver):
    def emit_step(self, module: IRModule, derivatives: DerivedFunctions) -> None:
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
        emit_euler_back(module, model, derivatives, areas, record)
        if model.events is not None:
            emit_instants(module, model, derivatives, areas, forward=False)
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
        if self.model.events is not None:
            tape.begin()
            count = code.to_integer(tape.of_state("recorded"))
            with code.loop(count) as before:
                last = code.integer("sub", code.integer("sub", count, "1"), before)
                Instants(self).over(last, back=True)
        if self.model.resets:
            if self.model.events is None:
                tape.copy(states, tape.state, tape.width)
            jumped, t, y = self.begun()
            with code.when(jumped):
                self.reset(t, y, back=True)
        code.call("free", f"ptr {states}")

    def _back(self, r: str) -> None:
        if self.model.events is not None:
            with self.code.choice(self.is_instant(self.row(r))) as (instant, step):
                with instant:
                    Instants(self).over(r, back=True)
                with step:
                    self._step_back(r)
            return
        if self.model.resets:
            self.over_reset(r, back=True)
        if self.follows:
            self.take_up(self.row(r))
            Landing(self).back(r)
        self._step_back(r)

    def _step_back(self, r: str) -> None:
        code, row = self.code, self.row(r)
        self.take_up(row)
        t, h = code.load(row, self.record["t"]), code.load(row, self.record["h"])
        high = code.load(self.cursor, kind="i64")
        begin = self.along(t)
        with code.forever() as passing:
            cursor = code.load(self.cursor, kind="i64")
            code.leave(passing, code.value(f"icmp sle i64 {cursor}, 0"))
            before = code.integer("sub", cursor, "1")
            code.leave(passing, code.apply("le", self.time(before), begin))
            code.store(before, self.cursor, kind="i64")
        self.step_back(row, t, h, code.load(self.cursor, kind="i64"), high)

    def step_back(self, row: str, t: str, h: str, low: str, high: str) -> None:
        """Takes all cotangents over the step, and over the times saved in it."""
        code = self.code
        with code.loop(self.directions) as d:
            names = ("y0_bar", "p_bar", "u_bar", "values_bar")
            pointers = [self.of_direction(name, d) for name in names]
            self.save_back(t, h, low, high, d)
            if self.model.project is not None:
                code.call("project_step_back", *self.step_arguments(row, t, h, pointers))
            code.call("stages_back", "ptr %work")
            self.step("back", row, t, h, pointers)

    def save_back(self, t: str, h: str, low: str, high: str, d: str) -> None:
        of_d = (self.of_direction(name, d) for name in ("y0_bar", "ys_bar"))
        listed = (f"ptr {p}" for p in (self.at["saveat"], *of_d, "%work"))
        self.code.call("save_back", f"double {t}", f"double {h}", f"i64 {low}", f"i64 {high}", *listed)


class BackwardWide(Packs, Backward):
    """Cotangents side by side; where inputs change, or a step needed other pivots, one after the other."""

    def __init__(self, width: int, model: KernelModel, areas: Areas, record: Areas, small: bool):
        super().__init__(model, areas, record, small)
        assert small, "only steps without loops are written for several cotangents"
        self.width, self.pack = width, adjoint.pack_areas(model)

    def emit_step(self, module: IRModule, derivatives: DerivedFunctions) -> None:
        model, areas, record = self.model, self.areas, self.record
        if model.inputs:
            emit_inputs_back(module, model.inputs)
        emit_pivoted_solve_transposed(module, model.plan)
        adjoint.emit_back_simd(module, model, derivatives, record, self.pack, self.width)
        adjoint.emit_back_general(module, model, derivatives, areas, record, planned=False)
        adjoint.emit_save_back(module, model, areas, record)
        emit_euler_back(module, model, derivatives, areas, record)
        if model.events is not None:
            emit_instants(module, model, derivatives, areas, forward=False)

    def write(self) -> None:
        self._make_packs()
        super().write()
        code = self.code
        with code.loop(self.packs) as q, self._each(q) as (d, lane):
            for name, count in (("p", self.model.parameters), ("u", self.model.inputs)):
                self._add(q, lane, name, self.of_direction(f"{name}_bar", d), count)
        code.call("free", f"ptr {self.packed}")

    def rosenbrock_step(self, function: str, kind: str, listed: list[str]) -> None:
        del kind
        self.code.call(f"{function}_general", *listed, "i1 true")

    def step_back(self, row: str, t: str, h: str, low: str, high: str) -> None:
        code = self.code
        with code.choice(self._apart(row, self.record)) as (alone, together):
            with alone:
                super().step_back(row, t, h, low, high)
            with together:
                saved = code.value(f"icmp slt i64 {low}, {high}")
                with code.loop(self.packs) as q:
                    with code.choice(saved) as (some, none):
                        with some, self._each(q) as (d, lane):
                            self._with_saved(q, d, lane, (t, h, low, high))
                        with none:
                            self._without_saved(q)
                    y = code.at(row, self.record["y"])
                    pointers = (y, self.at["p"], self.at["u"], row, self._of(q))
                    code.call("back_simd", f"double {t}", f"double {h}", *(f"ptr {p}" for p in pointers))
                    with self._each(q) as (d, lane):
                        self._scatter(q, lane, "y", self.of_direction("y0_bar", d), self.model.n)

    def _with_saved(self, q: str, d: str, lane: str, times: tuple[str, str, str, str]) -> None:
        """The cotangents of a step's end and stages, and what its saved values give to its start."""
        code, n = self.code, self.model.n
        self.save_back(*times, d)
        code.call("stages_back", "ptr %work")
        self._gather(self.of_direction("y0_bar", d), q, lane, "y", n)
        self._gather(code.at("%work", self.areas["y1_d"]), q, lane, "y1", n)
        stages = code.at("%work", self.areas["stages_d"])
        self._gather(stages, q, lane, "stages", self.model.tableau.stages * n)

    def _without_saved(self, q: str) -> None:
        """The same where nothing is saved: the end is the last stage and what it is added to."""
        code, n, width = self.code, self.model.n, self.width
        with self._each(q) as (d, lane):
            self._gather(self.of_direction("y0_bar", d), q, lane, "y1", n, normal)
        y, end, stages = (self._place(q, "0", name, "0") for name in ("y", "y1", "stages"))
        earlier = (self.model.tableau.stages - 1) * n * width
        for pointer, count in ((y, n * width), (stages, earlier)):
            with code.sweep(count) as k:
                code.store_part(code.number(0.0), pointer, k)
        last = code.at(stages, earlier)
        with code.sweep(n * width) as k:
            code.store_part(code.load_part(end, k), last, k)

    def _add(self, q: str, lane: str, name: str, target: str, count: int) -> None:
        code = self.code
        with code.loop(count) as k:
            value = code.load(self._place(q, lane, name, k))
            code.store(code.apply("add", code.load(target, k), value), target, k)
