"""Kernels for the derivatives of a solve: along directions (forward), and from cotangents (backward).

Both make the steps of the solve again and record them (`tape.py`). Forward, every step moves each direction on;
backward, the steps are taken back in reverse order, segment by segment. All directions share the steps and their
factors. The derivatives are those of the discrete solution with the step sizes held constant, as the portable tier's
(`solve/derivatives.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from stiffdsl.runtime.native import adjoint, sensitivity, tape
from stiffdsl.runtime.native.attempt import Model, emit_check, emit_general, is_small
from stiffdsl.runtime.native.code import Code, Module
from stiffdsl.runtime.native.cotangent import pullback
from stiffdsl.runtime.native.dense import emit_dense_factor, emit_dense_solve, emit_dense_solve_transposed
from stiffdsl.runtime.native.ffi import emit_handler
from stiffdsl.runtime.native.ir import emit_function
from stiffdsl.runtime.native.layout import OPERANDS, OPTIONS, STATE, Areas
from stiffdsl.runtime.native.lu import emit_assemble, emit_factor, emit_solve
from stiffdsl.runtime.native.lu_transposed import emit_solve_transposed
from stiffdsl.runtime.native.signals import emit_inputs, emit_inputs_back
from stiffdsl.runtime.native.straight import emit_straight
from stiffdsl.runtime.native.tangent import directional
from stiffdsl.runtime.native.tape import DerivedFunctions, Tape

GIVEN = OPERANDS[:9]
FORWARD = (("y0_dot", "p_dot", "u_dot", "values_dot"), ("y_dot", "ys_dot"))
BACKWARD = (("y_bar", "ys_bar"), ("y0_bar", "p_bar", "u_bar", "values_bar"))


def emit_forward(model: Model, width: int = 1) -> str:
    """The module whose handler moves directions on: `FORWARD` says what it takes beside `GIVEN`, and what it gives. A
    small model may be given a `width`: so many directions are then moved side by side."""
    moving = ("y", "p", "u")
    derivatives = DerivedFunctions(
        directional(model.rhs, model.tables, moving),
        directional(model.jacobian, model.tables, moving),
        None if model.rhs_t is None else directional(model.rhs_t, model.tables_t, (*moving, "u_t")),
    )
    return _emit(model, derivatives, FORWARD, _Forward if width == 1 else partial(_ForwardWide, width))


def emit_backward(model: Model) -> str:
    """The module whose handler takes cotangents back: `BACKWARD` says what it takes beside `GIVEN`, and gives."""
    wanted = (("y", model.n), ("p", model.parameters), ("u", model.inputs))
    derivatives = DerivedFunctions(
        pullback(model.rhs, model.tables, wanted),
        pullback(model.jacobian, model.tables, wanted),
        None
        if model.rhs_t is None
        else pullback(model.rhs_t, model.tables_t, (*wanted, ("u_t", model.inputs))),
    )
    return _emit(model, derivatives, BACKWARD, _Backward)


def _emit(
    model: Model,
    derivatives: DerivedFunctions,
    named: tuple[tuple[str, ...], tuple[str, ...]],
    drive: "Callable[[Model, Areas, Areas, bool], _Driver]",
) -> str:
    module = Module()
    scratch = [
        emit_function(module, model.rhs, model.tables),
        emit_function(module, model.jacobian, model.tables),
    ]
    if model.rhs_t is not None:
        scratch.append(emit_function(module, model.rhs_t, model.tables_t))
    scratch += [emit_function(module, *derived) for derived in derivatives.listed().values()]
    if model.inputs:
        emit_inputs(module)
    areas, record = tape.tape_areas(model, max(scratch)), tape.record_areas(model)
    plan, small = model.plan, is_small(model)
    emit_assemble(module, plan)
    emit_dense_factor(module, plan)
    emit_dense_solve(module, plan)
    if small:
        emit_straight(module, model, areas, keep_factors=True)
    else:
        emit_factor(module, plan)
        emit_solve(module, plan)
        emit_check(module, plan)
    emit_general(module, model, areas, planned=not small)
    tape.emit_recording(module, model, areas, record, small)
    operands = (*OPERANDS, *named[0], *named[1])
    driver = drive(model, areas, record, small)
    driver.emit_step(module, derivatives)
    with _lanes(module, areas, operands) as code:
        driver.open(code, operands)
        driver.write()
    emit_handler(module, "lanes", (*GIVEN, *named[0]), named[1], operands)
    return module.text()


@contextmanager
def _lanes(module: Module, areas: Areas, operands: tuple[str, ...]) -> Iterator[Code]:
    """`lanes(operands, strides, count)`, which calls what is written into `lane(operands, work)` for every lane."""
    module.declare("declare noalias ptr @malloc(i64)")
    module.declare("declare void @free(ptr)")
    lane = Code(module, "lane", [("ptr", "operands"), ("ptr", "work")], attributes="noinline")
    yield lane
    lane.put("ret void")
    lane.finish()
    parameters = [("ptr", "operands"), ("ptr", "strides"), ("i64", "count")]
    code = Code(module, "lanes", parameters, linkage="dso_local")
    work = code.call("malloc", f"i64 {8 * areas.size + 64}", result="noalias ptr")
    local = code.variable(f"[{len(operands)} x ptr]")
    with code.loop("%count") as lane_number:
        for k in range(len(operands)):
            stride = code.load("%strides", k, "i64")
            pointer = code.at(code.load("%operands", k, "ptr"), code.integer("mul", lane_number, stride))
            code.store(pointer, local, k, "ptr")
        code.call("lane", f"ptr {local}", f"ptr {work}")
    code.call("free", f"ptr {work}")
    code.put("ret void")
    code.finish()


class _Driver:
    """The code of one lane."""

    def __init__(self, model: Model, areas: Areas, record: Areas, small: bool):
        self.model, self.areas, self.record, self.small = model, areas, record, small

    def emit_step(self, module: Module, derivatives: DerivedFunctions) -> None:
        """What is called for one step and one direction."""
        raise NotImplementedError

    def write(self) -> None:
        """The lane."""
        raise NotImplementedError

    def open(self, code: Code, operands: tuple[str, ...]) -> None:
        """Loads pointers and options."""
        self.code = code
        self.tape = Tape(code, self.model, self.areas, self.record, operands)
        self.at = {name: self.tape.pointer(name) for name in operands if name not in ("state", "ys", "steps")}
        options = [*OPTIONS, *tape.OPTIONS]
        self.option = {name: code.load(self.at["options"], k) for k, name in enumerate(options)}
        whole = {name: code.to_integer(self.option[name]) for name in (*tape.OPTIONS, "capacity")}
        self.rows, self.directions, self.points = whole["rows"], whole["directions"], whole["points"]
        self.segments, capacity = whole["segments"], whole["capacity"]
        size = code.integer("mul", code.integer("add", capacity, "1"), str(8 * self.record.size))
        self.steps = code.call("malloc", f"i64 {size}", result="noalias ptr")
        code.store(self.steps, "%operands", OPERANDS.index("steps"), "ptr")
        backward = code.apply("lt", self.option["t1"], self.option["t0"])
        self.direction = code.select(backward, code.number(-1.0), code.number(1.0))
        self.cursor = code.variable("i64", "0")

    # Sizes of one direction, for each array that has them.
    def size(self, name: str) -> str:
        n, code = self.model.n, self.code
        match name.split("_")[0]:
            case "ys":
                return code.integer("mul", self.rows, str(n))
            case "p":
                return str(self.model.parameters)
            case "u":
                return str(self.model.inputs)
            case "values":
                return self.points
        return str(n)

    def of_direction(self, name: str, d: str) -> str:
        return self.code.at(self.at[name], self.code.integer("mul", d, self.size(name)))

    def whole(self, name: str) -> str:
        """Entries of all directions."""
        return self.code.integer("mul", self.directions, self.size(name))

    def zero(self, name: str) -> None:
        with self.code.loop(self.whole(name)) as k:
            self.code.store(self.code.number(0.0), self.at[name], k)

    def along(self, time: str) -> str:
        return self.code.apply("mul", self.direction, time)

    def time(self, k: str) -> str:
        """Time k of those saved, in the direction of the solve."""
        return self.along(self.code.load(self.at["saveat"], k))

    def pass_times(self, time: str) -> None:
        """Moves the cursor behind all times up to `time`."""
        code, end = self.code, self.along(time)
        with code.forever() as passing:
            cursor = code.load(self.cursor, kind="i64")
            code.leave(passing, code.value(f"icmp sge i64 {cursor}, {self.rows}"))
            code.leave(passing, code.apply("gt", self.time(cursor), end))
            code.store(code.integer("add", cursor, "1"), self.cursor, kind="i64")

    def at_start(self, act: Callable[[str, str, str], None]) -> None:
        """`act(d, k, j)` for every direction, every time that is t0, and every unknown."""
        code = self.code
        with code.loop(self.rows) as k:
            now = code.apply("eq", code.load(self.at["saveat"], k), self.option["t0"])
            with code.when(now), code.loop(self.directions) as d, code.loop(self.model.n) as j:
                act(d, code.integer("add", code.integer("mul", k, str(self.model.n)), j), j)

    def row(self, r: str) -> str:
        return self.code.at(self.steps, self.code.integer("mul", r, str(self.record.size)))

    def step_arguments(self, row: str, t: str, h: str, pointers: list[str]) -> list[str]:
        listed = [f"double {t}", f"double {h}", f"ptr {self.code.at(row, self.record['y'])}"]
        listed += [f"ptr {self.at['p']}", "ptr %operands", "ptr %work", f"ptr {row}"]
        return [*listed, *(f"ptr {p}" for p in pointers)]

    def step(self, function: str, row: str, t: str, h: str, pointers: list[str]) -> None:
        """Calls the form of `function` that suits the step."""
        code = self.code
        dense = code.apply("ne", code.load(row, self.record["dense"]), code.number(0.0))
        listed = self.step_arguments(row, t, h, pointers)
        if not self.small:
            code.call(f"{function}_general", *listed, f"i1 {dense}")
            return
        with code.choice(dense) as (yes, no):
            with yes:
                code.call(f"{function}_general", *listed, "i1 true")
            with no:
                code.call(function, *listed)


class _Forward(_Driver):
    def emit_step(self, module: Module, derivatives: DerivedFunctions) -> None:
        model, areas, record, small = self.model, self.areas, self.record, self.small
        if small:
            sensitivity.emit_forth(module, model, derivatives, areas, record)
        sensitivity.emit_forth_general(module, model, derivatives, areas, record, planned=not small)
        sensitivity.emit_save(module, model, areas, record)

    def write(self) -> None:
        code, tape = self.code, self.tape
        tape.copy(self.at["y0_dot"], self.at["y_dot"], self.whole("y_dot"))
        self.zero("ys_dot")

        def begin(d: str, place: str, j: str) -> None:
            value = code.load(self.of_direction("y0_dot", d), j)
            code.store(value, self.of_direction("ys_dot", d), place)

        self.at_start(begin)
        self.pass_times(self.option["t0"])
        tape.begin()
        with code.forever() as going:
            code.leave(going, code.apply("not", tape.running()))
            count = tape.segment()
            # The end of a step is where the next begins.
            code.store(tape.of_state("t"), self.row(count), self.record["t"])
            with code.loop(count) as r:
                self._forth(r)
        code.call("free", f"ptr {self.steps}")

    def span(self, row: str, r: str) -> tuple[str, str, str, str]:
        """Time and size of step r, and which of the times saved lie in it: they are passed."""
        code = self.code
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
            self.step("forth", row, t, h, [self.of_direction(name, d) for name in names])
            self.save(t, h, low, high, d)


class _ForwardWide(_Forward):
    """Directions side by side; where inputs change, or a step needed other pivots, one after the other."""

    def __init__(self, width: int, model: Model, areas: Areas, record: Areas, small: bool):
        super().__init__(model, areas, record, small)
        assert small, "only steps without loops are written for several directions"
        self.width, self.pack = width, sensitivity.pack_areas(model)

    def emit_step(self, module: Module, derivatives: DerivedFunctions) -> None:
        model, areas, record = self.model, self.areas, self.record
        sensitivity.emit_forth_wide(module, model, derivatives, record, self.pack, self.width)
        sensitivity.emit_forth_general(module, model, derivatives, areas, record, planned=False)
        sensitivity.emit_save(module, model, areas, record)

    def write(self) -> None:
        code, width = self.code, str(self.width)
        more = code.integer("add", self.directions, str(self.width - 1))
        self.packs = code.integer("sdiv", more, width)
        size = self.width * self.pack.size
        length = code.integer("mul", self.packs, str(size))
        self.packed = code.call("malloc", f"i64 {code.integer('mul', length, '8')}", result="noalias ptr")
        with code.loop(length) as k:
            code.store(code.number(0.0), self.packed, k)
        with code.loop(self.packs) as q, self._each(q) as (d, lane):
            for name, count in (("p", self.model.parameters), ("u", self.model.inputs)):
                self._gather(self.of_direction(f"{name}_dot", d), q, lane, name, count)
        super().write()
        code.call("free", f"ptr {self.packed}")

    def _forth(self, r: str) -> None:
        code, row, record = self.code, self.row(r), self.record
        dense = code.apply("ne", code.load(row, record["dense"]), code.number(0.0))
        driven = code.apply("gt", self.option["signals"], code.number(0.0))
        with code.choice(code.value(f"or i1 {dense}, {driven}")) as (alone, together):
            with alone:
                super()._forth(r)
            with together:
                self._forth_together(row, r)

    def step(self, function: str, row: str, t: str, h: str, pointers: list[str]) -> None:
        self.code.call(f"{function}_general", *self.step_arguments(row, t, h, pointers), "i1 true")

    def _forth_together(self, row: str, r: str) -> None:
        code, record = self.code, self.record
        t, h, low, high = self.span(row, r)
        end, stages = (code.at("%work", self.areas[name]) for name in ("y1_d", "stages_d"))
        with code.loop(self.packs) as q:
            with self._each(q) as (d, lane):
                self._gather(self.of_direction("y_dot", d), q, lane, "y", self.model.n)
            pointers = (code.at(row, record["y"]), self.at["p"], self.at["u"], row, self._of(q))
            code.call("forth_wide", f"double {t}", f"double {h}", *(f"ptr {p}" for p in pointers))
            with self._each(q) as (d, lane):
                self._scatter(q, lane, "y1", end, self.model.n)
                with code.when(code.value(f"icmp slt i64 {low}, {high}")):
                    self._scatter(q, lane, "stages", stages, self.model.tableau.stages * self.model.n)
                self.save(t, h, low, high, d)

    @contextmanager
    def _each(self, q: str) -> Iterator[tuple[str, str]]:
        """The directions of pack q, and their lanes."""
        code = self.code
        first = code.integer("mul", q, str(self.width))
        with code.loop(self.width) as lane:
            d = code.integer("add", first, lane)
            with code.when(code.value(f"icmp slt i64 {d}, {self.directions}")):
                yield d, lane

    def _of(self, q: str) -> str:
        return self.code.at(self.packed, self.code.integer("mul", q, str(self.width * self.pack.size)))

    def _place(self, q: str, lane: str, name: str, k: str) -> str:
        """Where entry k of a lane is."""
        code = self.code
        first = code.at(self._of(q), self.pack[name] * self.width)
        return code.at(first, code.integer("add", code.integer("mul", k, str(self.width)), lane))

    def _gather(self, source: str, q: str, lane: str, name: str, count: int) -> None:
        with self.code.loop(count) as k:
            self.code.store(self.code.load(source, k), self._place(q, lane, name, k))

    def _scatter(self, q: str, lane: str, name: str, target: str, count: int) -> None:
        with self.code.loop(count) as k:
            self.code.store(self.code.load(self._place(q, lane, name, k)), target, k)


class _Backward(_Driver):
    def emit_step(self, module: Module, derivatives: DerivedFunctions) -> None:
        model, areas, record, small = self.model, self.areas, self.record, self.small
        if model.inputs:
            emit_inputs_back(module, model.inputs)
        emit_dense_solve_transposed(module, model.plan)
        if small:
            adjoint.emit_back(module, model, derivatives, areas, record)
        else:
            emit_solve_transposed(module, model.plan)
        adjoint.emit_back_general(module, model, derivatives, areas, record, planned=not small)
        adjoint.emit_save_back(module, model, areas, record)

    def write(self) -> None:
        code, tape = self.code, self.tape
        size = code.integer("mul", self.segments, str(8 * tape.width))
        states = code.call("malloc", f"i64 {size}", result="noalias ptr")
        tape.copy(self.at["y_bar"], self.at["y0_bar"], self.whole("y0_bar"))
        for name in ("p_bar", "u_bar", "values_bar"):
            self.zero(name)
        tape.begin()
        made = code.variable("i64", "0")

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
            with code.loop(steps) as before:
                self._back(code.integer("sub", code.integer("sub", steps, "1"), before))

        def start(d: str, place: str, j: str) -> None:
            y_bar = self.of_direction("y0_bar", d)
            value = code.load(self.of_direction("ys_bar", d), place)
            code.store(code.apply("add", code.load(y_bar, j), value), y_bar, j)

        self.at_start(start)
        code.call("free", f"ptr {states}")
        code.call("free", f"ptr {self.steps}")

    def _back(self, r: str) -> None:
        code, row = self.code, self.row(r)
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
            self.step("back", row, t, h, [y_bar, *others])
