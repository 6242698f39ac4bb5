"""Kernels for the derivatives of a solve: along directions (forward), and from cotangents (backward).

Both make the steps of the solve again and record them (`tape.py`). Forward, every step moves each direction on;
backward, the steps are taken back in reverse order, segment by segment. All directions share the steps and their
factors. The derivatives are those of the discrete solution with the step sizes held constant, as the portable tier's
(`solve/derivatives.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


def emit_forward(model: Model) -> str:
    """The module whose handler moves directions on: `FORWARD` says what it takes beside `GIVEN`, and what it gives."""
    moving = ("y", "p", "u")
    derivatives = DerivedFunctions(
        directional(model.rhs, model.tables, moving),
        directional(model.jacobian, model.tables, moving),
        None if model.rhs_t is None else directional(model.rhs_t, model.tables_t, (*moving, "u_t")),
    )
    return _emit(model, derivatives, FORWARD, _Forward)


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
    driver: "type[_Forward] | type[_Backward]",
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
    driver.emit_step(module, model, derivatives, areas, record, small)
    operands = (*OPERANDS, *named[0], *named[1])
    with _lanes(module, areas, operands) as code:
        driver(code, model, areas, record, operands, small).write()
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

    def __init__(
        self, code: Code, model: Model, areas: Areas, record: Areas, operands: tuple[str, ...], small: bool
    ):
        self.code, self.model, self.areas, self.record, self.small = code, model, areas, record, small
        self.tape = Tape(code, model, areas, record, operands)
        self.at = {name: self.tape.pointer(name) for name in operands if name not in ("state", "ys", "steps")}
        options = [*OPTIONS, *tape.OPTIONS]
        self.option = {name: code.load(self.at["options"], k) for k, name in enumerate(options)}
        whole = {name: code.to_integer(self.option[name]) for name in (*tape.OPTIONS, "capacity")}
        self.rows, self.directions, self.points = whole["rows"], whole["directions"], whole["points"]
        self.segments, capacity = whole["segments"], whole["capacity"]
        size = code.integer("mul", code.integer("add", capacity, "1"), str(8 * record.size))
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

    def step(self, function: str, row: str, t: str, h: str, pointers: list[str]) -> None:
        """Calls the form of `function` that suits the step."""
        code, record = self.code, self.record
        dense = code.apply("ne", code.load(row, record["dense"]), code.number(0.0))
        listed = [f"double {t}", f"double {h}", f"ptr {code.at(row, record['y'])}", f"ptr {self.at['p']}"]
        listed += ["ptr %operands", "ptr %work", f"ptr {row}", *(f"ptr {p}" for p in pointers)]
        if not self.small:
            code.call(f"{function}_general", *listed, f"i1 {dense}")
            return
        with code.choice(dense) as (yes, no):
            with yes:
                code.call(f"{function}_general", *listed, "i1 true")
            with no:
                code.call(function, *listed)


class _Forward(_Driver):
    @staticmethod
    def emit_step(
        module: Module, model: Model, derivatives: DerivedFunctions, areas: Areas, record: Areas, small: bool
    ) -> None:
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

    def _forth(self, r: str) -> None:
        code, row = self.code, self.row(r)
        t, h = code.load(row, self.record["t"]), code.load(row, self.record["h"])
        low = code.load(self.cursor, kind="i64")
        self.pass_times(code.load(self.row(code.integer("add", r, "1")), self.record["t"]))
        high = code.load(self.cursor, kind="i64")
        with code.loop(self.directions) as d:
            names = ("y_dot", "p_dot", "u_dot", "values_dot")
            y_dot, *others = (self.of_direction(name, d) for name in names)
            self.step("forth", row, t, h, [y_dot, *others])
            pointers = (self.at["saveat"], y_dot, self.of_direction("ys_dot", d), "%work")
            listed = (f"ptr {p}" for p in pointers)
            code.call("save", f"double {t}", f"double {h}", f"i64 {low}", f"i64 {high}", *listed)


class _Backward(_Driver):
    @staticmethod
    def emit_step(
        module: Module, model: Model, derivatives: DerivedFunctions, areas: Areas, record: Areas, small: bool
    ) -> None:
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
