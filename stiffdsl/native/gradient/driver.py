"""The common part of kernels of derivatives: the code of one lane, its arrays, and its steps."""

from collections.abc import Callable

from stiffdsl.native.gradient import tape
from stiffdsl.native.gradient.tape import DerivedFunctions, Tape
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.loop.time_events import saved_at
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.native.step.layout import OPERANDS, OPTIONS, Areas, state_areas


class Driver:
    """The code of one lane."""

    def __init__(self, model: KernelModel, areas: Areas, record: Areas, small: bool):
        self.model, self.areas, self.record, self.small = model, areas, record, small
        # Whether the times of jumps follow parameters, and are passed one by one.
        self.follows = False
        # Whether, at instants, guards of events and lines over time follow anything.
        self.guarded = self.lined = False
        self.guide: str | None = None

    def emit_step(self, module: IRModule, derivatives: DerivedFunctions) -> None:
        """Emits the functions that are called for one step and one direction."""
        raise NotImplementedError

    def write(self) -> None:
        """The lane."""
        raise NotImplementedError

    def open(self, code: Code, operands: tuple[str, ...]) -> None:
        """Loads pointers and options."""
        self.code = code
        self.tape = Tape(code, self.model, self.areas, self.record, operands)
        self.at = {name: self.tape.pointer(name) for name in operands if name not in ("state", "ys", "steps")}
        if self.model.time_events is not None:
            self.at["p"] = code.at("%work", self.areas["P"])
        options = [*OPTIONS, *tape.OPTIONS]
        self.option = {name: code.load(self.at["options"], k) for k, name in enumerate(options)}
        whole = {name: code.to_integer(self.option[name]) for name in (*tape.OPTIONS, "capacity")}
        self.rows, self.directions, self.points = whole["rows"], whole["directions"], whole["points"]
        self.segments, capacity = whole["segments"], whole["capacity"]
        rows = code.integer("add", capacity, str(tape.buffer_rows(self.model)))
        size = code.integer("mul", rows, str(8 * self.record.size))
        self.steps = code.call("malloc", f"i64 {size}", result="noalias ptr")
        if self.model.events is not None:
            # What the time of an instant moves by, for each direction.
            self.moves = code.call(
                "malloc", f"i64 {code.integer('mul', self.directions, '8')}", result="noalias ptr"
            )
            zeros = [(self.moves, self.directions)]
            zeros += [
                (code.at("%work", self.areas[a]), n) for a, n in (("moves", 1), ("f_t_there", self.model.n))
            ]
            for pointer, count in zeros:
                with code.loop(count) as k:
                    code.store(code.number(0.0), pointer, k)
        code.store(self.steps, "%operands", OPERANDS.index("steps"), "ptr")
        backward = code.apply("lt", self.option["t1"], self.option["t0"])
        self.direction = code.select(backward, code.number(-1.0), code.number(1.0))
        self.cursor = code.variable("i64", "0")

    def lead(self, guides: tuple[str, ...]) -> None:
        """Has the solve follow the steps of that which is given by the operands of these names (`tape.py`)."""
        self.guide = self.tape.lead(
            {name.removeprefix("base_"): self.at[name] for name in guides}, self.steps
        )

    def close(self) -> None:
        moves = None if self.model.events is None else self.moves
        for pointer in (self.guide, self.steps, moves):
            if pointer is not None:
                self.code.call("free", f"ptr {pointer}")

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
            case "t":
                return "1"
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

    def end_of(self, count: str) -> None:
        """Writes into the last row, after `count` steps of a segment, where the next one begins."""
        tape, end = self.tape, self.row(count)
        self.code.store(tape.of_state("t"), end, self.record["t"])
        if self.follows or self.model.resets:
            y_at = state_areas(self.model.n)[0]
            tape.copy(self.code.at(tape.state, y_at), self.code.at(end, self.record["y"]), self.model.n)
        if self.model.resets:
            span = self.code.at(end, self.record["span"])
            for k, name in enumerate(("low", "high")):
                self.code.store(tape.of_state(name), span, k)
        if self.model.resets:
            with self.code.loop(self.model.sides) as k:
                self.code.store(tape.of_state("side"), self.code.at(end, self.record["side"]), k)

    def take_up(self, row: str) -> None:
        """Makes what holds up to the next jump that of a step."""
        self.tape.copy(self.code.at(row, self.record["span"]), self.code.at("%work", self.areas["span"]), 2)
        sides = self.code.at(self.at["p"], self.model.given)
        self.tape.copy(self.code.at(row, self.record["side"]), sides, self.model.sides)
        if self.model.events is not None:
            theta = self.code.load(row, self.record["theta"])
            self.code.store(theta, self.code.at("%work", self.areas["theta"]))

    def over_reset(self, r: str, back: bool) -> None:
        """Moves all directions over the jump of algebraic unknowns at the end of step r, or back, with what is saved
        there. Backward, all times up to that end lie behind the cursor."""
        code = self.code
        end = self.row(code.integer("add", r, "1"))
        resets = code.apply("ne", code.load(self.row(r), self.record["resets"]), code.number(0.0))
        with code.when(resets):
            self.take_up(end)
            t = code.load(end, self.record["t"])
            if back:
                self._at_end(t, back)
            self.reset(t, code.at(end, self.record["y"]), back)
            if not back:
                self._at_end(t, back)

    def reset(self, t: str, y: str, back: bool) -> None:
        """Moves all directions over a jump of algebraic unknowns to y."""
        code = self.code
        names = (
            ("y0_bar", "p_bar", "u_bar", "values_bar") if back else ("y_dot", "p_dot", "u_dot", "values_dot")
        )
        if self.model.inputs:
            pointers = ("%operands", *(code.at("%work", self.areas[a]) for a in ("span", "u", "u_t")))
            code.call("inputs", f"double {t}", *(f"ptr {p}" for p in pointers))
        of_reset = (f"double {t}", f"ptr {y}", f"ptr {self.at['p']}")
        code.call("reset_factor", *of_reset, "ptr %work")
        with code.loop(self.directions) as d:
            pointers = (f"ptr {self.of_direction(name, d)}" for name in names)
            function = "reset_back" if back else "reset_forth"
            code.call(function, *of_reset, "ptr %operands", "ptr %work", *pointers)

    def is_instant(self, row: str) -> str:
        """Whether a row is no step, but of an instant."""
        kind = self.code.load(row, self.record["dense"])
        return self.code.apply("ge", kind, self.code.number(tape.OPENED))

    def saved_there(self, row: str, back: bool) -> None:
        """As `_at_end`, where an instant is closed."""
        self._at_end(self.code.load(row, self.record["t"]), back)

    def _at_end(self, t: str, back: bool) -> None:
        """Values saved at the time of a jump are those after it. Backward, the cursor then stands before them."""
        code, place = self.code, self.code.variable("i64")
        code.store(code.load(self.cursor, kind="i64"), place, kind="i64")
        with saved_at(code, self.at["saveat"], place, t) as s:
            first = code.integer("mul", s, str(self.model.n))
            with code.loop(self.directions) as d, code.loop(self.model.n) as j:
                at = code.integer("add", first, j)
                if back:
                    y_bar, saved = self.of_direction("y0_bar", d), self.of_direction("ys_bar", d)
                    code.store(code.apply("add", code.load(y_bar, j), code.load(saved, at)), y_bar, j)
                else:
                    code.store(
                        code.load(self.of_direction("y_dot", d), j), self.of_direction("ys_dot", d), at
                    )
        if back:
            code.store(code.load(place, kind="i64"), self.cursor, kind="i64")

    def begun(self) -> tuple[str, str, str]:
        """Whether the solve began with a jump of algebraic unknowns, its time, and the values after it."""
        tape, y_at = self.tape, state_areas(self.model.n)[0]
        jumped = self.code.apply("ne", tape.of_state("reset"), self.code.number(0.0))
        y = self.code.at(tape.state, y_at)
        if self.model.events is not None:
            # Events at the start act on these.
            some = self.code.apply("gt", tape.of_state("recorded"), self.code.number(0.0))
            y = self.code.select(some, self.code.at(self.steps, self.record["y"]), y, "ptr")
        return jumped, self.option["t0"], y

    def step_arguments(self, row: str, t: str, h: str, pointers: list[str]) -> list[str]:
        listed = [f"double {t}", f"double {h}", f"ptr {self.code.at(row, self.record['y'])}"]
        listed += [f"ptr {self.at['p']}", "ptr %operands", "ptr %work", f"ptr {row}"]
        return [*listed, *(f"ptr {p}" for p in pointers)]

    def step(self, function: str, row: str, t: str, h: str, pointers: list[str]) -> None:
        """Calls the form of `function` that suits the step."""
        code = self.code
        listed = self.step_arguments(row, t, h, pointers)
        kind = code.load(row, self.record["dense"])
        with code.choice(code.apply("eq", kind, code.number(2.0))) as (euler, rosenbrock):
            with euler:
                code.call(f"euler_{function}", *listed)
            with rosenbrock:
                self.rosenbrock_step(function, kind, listed)

    def rosenbrock_step(self, function: str, kind: str, listed: list[str]) -> None:
        code = self.code
        dense = code.apply("ne", kind, code.number(0.0))
        if not self.small:
            code.call(f"{function}_general", *listed, f"i1 {dense}")
            return
        with code.choice(dense) as (yes, no):
            with yes:
                code.call(f"{function}_general", *listed, "i1 true")
            with no:
                code.call(function, *listed)
