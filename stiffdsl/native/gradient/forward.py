"""Directions moved on along a solve, over each step as it was made: one after the other, or side by side."""

from stiffdsl.native.gradient import sensitivity
from stiffdsl.native.gradient.driver import Driver
from stiffdsl.native.gradient.euler_sensitivity import emit_euler_forth
from stiffdsl.native.gradient.event_sensitivity import Landing
from stiffdsl.native.gradient.instant_sensitivity import Instants, emit_instants
from stiffdsl.native.gradient.packs import Packs
from stiffdsl.native.gradient.projection_sensitivity import emit_project_step_forth
from stiffdsl.native.gradient.tape import DerivedFunctions
from stiffdsl.native.ir.code import IRModule
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.native.step.layout import Areas


class Forward(Driver):
    def emit_step(self, module: IRModule, derivatives: DerivedFunctions) -> None:
        model, areas, record, small = self.model, self.areas, self.record, self.small
        if small:
            sensitivity.emit_forth(module, model, derivatives, areas, record)
        sensitivity.emit_forth_general(module, model, derivatives, areas, record, planned=not small)
        sensitivity.emit_save(module, model, areas, record)
        if model.project is not None:
            emit_project_step_forth(module, model, areas, record)
        emit_euler_forth(module, model, derivatives, areas, record)
        if model.events is not None:
            emit_instants(module, model, derivatives, areas, forward=True)

    def write(self) -> None:
        code, tape = self.code, self.tape
        tape.copy(self.at["y0_dot"], self.at["y_dot"], self.whole("y_dot"))
        self.zero("ys_dot")

        def begin(d: str, place: str, j: str) -> None:
            value = code.load(self.of_direction("y_dot", d), j)
            code.store(value, self.of_direction("ys_dot", d), place)

        tape.begin()
        if self.model.resets:
            jumped, t, y = self.begun()
            with code.when(jumped):
                self.reset(t, y, back=False)
        if self.model.events is not None:
            self.zero("t_dot")
            with code.loop(code.to_integer(tape.of_state("recorded"))) as r:
                Instants(self).over(r, back=False)
        self.at_start(begin)
        self.pass_times(self.option["t0"])
        with code.forever() as going:
            code.leave(going, code.apply("not", tape.running()))
            count = tape.segment()
            # The end of a step is where the next begins.
            self.end_of(count)
            with code.loop(count) as r:
                self._over(r)

    def _over(self, r: str) -> None:
        """Over row r: a step and what jumps at its end, or what happens at an instant."""
        if self.model.events is not None:
            with self.code.choice(self.is_instant(self.row(r))) as (instant, step):
                with instant:
                    Instants(self).over(r, back=False)
                with step:
                    self._forth(r)
            return
        self._forth(r)
        if self.follows:
            Landing(self).forth(r)
        if self.model.resets:
            self.over_reset(r, back=False)

    def span(self, row: str, r: str) -> tuple[str, str, str, str]:
        """Time and size of step r, and which of the times saved lie in it: they are passed."""
        code = self.code
        self.take_up(row)
        t, h = code.load(row, self.record["t"]), code.load(row, self.record["h"])
        low = code.load(self.cursor, kind="i64")
        self.pass_times(code.load(self.row(code.integer("add", r, "1")), self.record["t"]))
        return t, h, low, code.load(self.cursor, kind="i64")

    def save(self, t: str, h: str, low: str, high: str, d: str) -> None:
        pointers = (self.at["saveat"], self.of_direction("y_dot", d), self.of_direction("ys_dot", d), "%work")
        listed = (f"ptr {p}" for p in pointers)
        self.code.call("save", f"double {t}", f"double {h}", f"i64 {low}", f"i64 {high}", *listed)

    def _forth(self, r: str) -> None:
        row = self.row(r)
        t, h, low, high = self.span(row, r)
        with self.code.loop(self.directions) as d:
            names = ("y_dot", "p_dot", "u_dot", "values_dot")
            pointers = [self.of_direction(name, d) for name in names]
            self.step("forth", row, t, h, pointers)
            if self.model.project is not None:
                self.code.call("project_step_forth", *self.step_arguments(row, t, h, pointers))
            self.save(t, h, low, high, d)


class ForwardWide(Packs, Forward):
    """Directions side by side; where inputs change, or a step needed other pivots, one after the other."""

    def __init__(self, width: int, model: KernelModel, areas: Areas, record: Areas, small: bool):
        super().__init__(model, areas, record, small)
        assert small, "only steps without loops are written for several directions"
        self.width, self.pack = width, sensitivity.pack_areas(model)

    def emit_step(self, module: IRModule, derivatives: DerivedFunctions) -> None:
        model, areas, record = self.model, self.areas, self.record
        sensitivity.emit_forth_simd(module, model, derivatives, record, self.pack, self.width)
        sensitivity.emit_forth_general(module, model, derivatives, areas, record, planned=False)
        sensitivity.emit_save(module, model, areas, record)
        emit_euler_forth(module, model, derivatives, areas, record)
        if model.events is not None:
            emit_instants(module, model, derivatives, areas, forward=True)

    def write(self) -> None:
        self._make_packs()
        with self.code.loop(self.packs) as q, self._each(q) as (d, lane):
            for name, count in (("p", self.model.parameters), ("u", self.model.inputs)):
                self._gather(self.of_direction(f"{name}_dot", d), q, lane, name, count)
        super().write()
        self.code.call("free", f"ptr {self.packed}")

    def _forth(self, r: str) -> None:
        code, row, record = self.code, self.row(r), self.record
        with code.choice(self._apart(row, record)) as (alone, together):
            with alone:
                super()._forth(r)
            with together:
                self._forth_together(row, r)

    def rosenbrock_step(self, function: str, kind: str, listed: list[str]) -> None:
        del kind
        self.code.call(f"{function}_general", *listed, "i1 true")

    def _forth_together(self, row: str, r: str) -> None:
        code, record = self.code, self.record
        t, h, low, high = self.span(row, r)
        end, stages = (code.at("%work", self.areas[name]) for name in ("y1_d", "stages_d"))
        with code.loop(self.packs) as q:
            with self._each(q) as (d, lane):
                self._gather(self.of_direction("y_dot", d), q, lane, "y", self.model.n)
            pointers = (code.at(row, record["y"]), self.at["p"], self.at["u"], row, self._of(q))
            code.call("forth_simd", f"double {t}", f"double {h}", *(f"ptr {p}" for p in pointers))
            with self._each(q) as (d, lane):
                self._scatter(q, lane, "y1", end, self.model.n)
                with code.when(code.value(f"icmp slt i64 {low}, {high}")):
                    self._scatter(q, lane, "stages", stages, self.model.tableau.stages * self.model.n)
                self.save(t, h, low, high, d)
