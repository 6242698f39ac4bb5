"""Lanes side by side: attempts of several solves at once in vector registers, each with its own time and step.

Every slot of the vectors holds one lane. After each attempt every lane settles alone what became of it; a lane that
has ended makes room for the next one, so that slots stay full until the lanes run out.
"""

from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.loop.integration import Integration
from stiffdsl.native.step.attempt import PARAMETERS, KernelModel
from stiffdsl.native.step.layout import OPERANDS, OPTIONS, Areas
from stiffdsl.native.step.unrolled import emit_simd, simd_areas

_POINTERS = f"[{len(OPERANDS)} x ptr]"
_LANE = (("ptr", "operands"), ("ptr", "work"), ("ptr", "simd"), ("i64", "slot"))


def emit_wide_lanes(module: IRModule, model: KernelModel, areas: Areas, width: int) -> None:
    """`lanes(operands, strides, count)` by vectors of `width` lanes; few lanes, and driven ones, go to
    `lanes_alone`."""
    simd = simd_areas(model)
    emit_simd(module, model, simd, width)
    _emit_take(module, model, areas, simd, width)
    _emit_settle(module, model, areas, simd, width)
    _emit_refill(module)
    code = Code(
        module, "lanes", [("ptr", "operands"), ("ptr", "strides"), ("i64", "count")], linkage="dso_local"
    )
    given = "ptr %operands", "ptr %strides", "i64 %count"
    signals = code.load(code.load("%operands", OPERANDS.index("options"), "ptr"), OPTIONS.index("signals"))
    driven = code.apply("gt", signals, code.number(0.0))
    alone = code.value(f"or i1 {driven}, {code.value(f'icmp slt i64 %count, {width}')}")
    with code.when(alone):
        code.call("lanes_alone", *given)
        code.put("ret void")
        code.label("several")
    work = code.call("malloc", f"i64 {8 * (areas.size + width * simd.size) + 64}", result="noalias ptr")
    vectors = code.at(work, areas.size)
    with code.loop(width * simd.size) as k:
        code.store(code.number(1.0), vectors, k)
    tables, alive = code.variable(f"[{width} x {_POINTERS}]"), code.variable(f"[{width} x i64]")
    following, active = code.variable("i64", "0"), code.variable("i64", "0")

    def slot_arguments(slot: str) -> tuple[str, ...]:
        own = code.at(tables, slot, _POINTERS)
        return f"ptr {own}", f"ptr {work}", f"ptr {vectors}", f"i64 {slot}"

    def refill(slot: str) -> None:
        taken = code.call("refill", *given, f"ptr {following}", *slot_arguments(slot), result="i1")
        code.store(code.value(f"zext i1 {taken} to i64"), alive, slot, "i64")

    with code.loop(width) as slot:
        refill(slot)
    with code.forever() as going:
        code.store("0", active, kind="i64")
        with code.loop(width) as slot:
            count = code.integer("add", code.load(active, kind="i64"), code.load(alive, slot, "i64"))
            code.store(count, active, kind="i64")
        code.leave(going, code.value(f"icmp eq i64 {code.load(active, kind='i64')}, 0"))
        code.call("attempt_simd", f"ptr {vectors}")
        with code.loop(width) as slot:
            is_alive = code.value(f"icmp ne i64 {code.load(alive, slot, 'i64')}, 0")
            with code.when(is_alive):
                running = code.call("settle_lane", *slot_arguments(slot), result="i1")
                with code.when(code.value(f"xor i1 {running}, true")):
                    refill(slot)
    code.call("free", f"ptr {work}")
    code.put("ret void")
    code.finish()


class _Slot(Integration):
    """One lane, whose attempts lie in a slot of the vectors."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas, simd: Areas, width: int):
        super().__init__(code, model, areas)
        self.simd, self.width = simd, width

    def place(self, name: str, k: str = "0", row: int = 0) -> str:
        """Pointer to this lane's entry k of an array of vectors."""
        code = self.code
        first = code.at("%simd", (self.simd[name] + row * self.n) * self.width)
        offset = code.integer("add", code.integer("mul", k, str(self.width)), "%slot")
        return code.at(first, offset)

    def stage(self, i: int, k: str) -> str:
        return self.code.load(self.place("stages", k, i))

    def after(self, k: str) -> str:
        return self.code.load(self.place("y1", k))

    def keep(self, k: str) -> None:
        value = self.after(k)
        self.code.store(value, self.y, k)
        self.code.store(value, self.place("y", k))

    def _depart(self) -> None:
        super()._depart()
        if self.model.resets:
            self.into("y", self.y, self.n)
        if self.model.fills_parameters:
            self.into("p", self.p, self.model.parameters)

    def inputs_at(self, t: str) -> str:
        """Lanes whose inputs change are not among these."""
        return self.pointers["u"]

    def gather(self) -> None:
        code, model = self.code, self.model

        def out_of(name: str, target: str, count: int, row: int = 0) -> None:
            with code.loop(count) as k:
                code.store(code.load(self.place(name, k, row)), target, k)

        out_of("y1", self.area("y1"), model.n)
        for i in range(model.tableau.stages):
            out_of("stages", self.area("stages", i), model.n, i)
        if model.inputs:
            out_of("u", self.area("u"), model.inputs)
        if model.fills_parameters:
            out_of("p", self.p, model.parameters)

    def into(self, name: str, source: str, count: int, row: int = 0) -> None:
        """Copies an array into the slot."""
        if count:
            with self.code.loop(count) as k:
                self.code.store(self.code.load(source, k), self.place(name, k, row))

    def go_on(self) -> None:
        """Prepares the next attempt, or ends the attempts."""
        code = self.code
        with code.when(self.running()):
            self.limit()
        with code.when(self.running()):
            t, h, _, _ = self.aim()
            code.store(t, self.place("t"))
            code.store(h, self.place("h"))
        self.close()
        code.put(f"ret i1 {self.running()}")
        code.finish()


def _emit_take(module: IRModule, model: KernelModel, areas: Areas, simd: Areas, width: int) -> None:
    """`take_lane(…) -> i1`: puts a lane that has begun into a slot; whether it is running."""
    code = Code(module, "take_lane", _LANE, "i1", attributes="noinline")
    slot = _Slot(code, model, areas, simd, width)
    slot.open()
    slot.into("y", slot.y, model.n)
    slot.into("atol", slot.pointers["atol"], model.n)
    slot.into("p", slot.p, model.parameters)
    slot.into("u", slot.pointers["u"], model.inputs)
    code.store(slot.option("rtol"), slot.place("rtol"))
    slot.go_on()


def _emit_settle(module: IRModule, model: KernelModel, areas: Areas, simd: Areas, width: int) -> None:
    """`settle_lane(…) -> i1`: settles the attempt of one slot; whether the lane is running."""
    code = Code(module, "settle_lane", _LANE, "i1", attributes="noinline")
    slot = _Slot(code, model, areas, simd, width)
    slot.open()
    t, h, last, end = slot.aim()
    error = code.variable("double", code.load(slot.place("error")))
    values = (t, h, slot.option("rtol"), slot.pointers["atol"], slot.y, slot.p)
    values += ("%operands", "%work", slot.scaled)
    listed = [f"{kind} {v}" for (kind, _), v in zip(PARAMETERS, values, strict=True)]
    alone = code.apply("not", slot.holds()) if model.holds_conditions else code.flag(False)
    with code.when(code.apply("or", alone, slot.troubled(code.load(error)))):
        slot.clear()
        with code.when(alone):
            code.store(code.call("attempt", *listed, result="double"), error)
        slot.otherwise(listed, error)
        slot.into("y1", slot.area("y1"), model.n)
        slot.into("scaled", slot.scaled, model.n)
        for i in range(model.tableau.stages):
            slot.into("stages", slot.area("stages", i), model.n, i)
    slot.settle(t, h, last, end, code.load(error))
    with code.when(slot.running()):
        slot.limit()
    with code.when(code.apply("not", slot.running())), code.loop(model.n) as k:
        code.store(code.load(slot.place("scaled", k)), slot.scaled, k)
    slot.go_on()


def _emit_refill(module: IRModule) -> None:
    """`refill(operands, strides, count, following, own, work, simd, slot) -> i1`: takes lanes until one is running."""
    parameters = [("ptr", "operands"), ("ptr", "strides"), ("i64", "count"), ("ptr", "following")]
    code = Code(module, "refill", [*parameters, ("ptr", "own"), *_LANE[1:]], "i1", attributes="noinline")
    with code.forever() as taking:
        lane = code.load("%following", kind="i64")
        code.leave(taking, code.value(f"icmp sge i64 {lane}, %count"))
        code.store(code.integer("add", lane, "1"), "%following", kind="i64")
        for k in range(len(OPERANDS)):
            stride = code.load("%strides", k, "i64")
            pointer = code.at(code.load("%operands", k, "ptr"), code.integer("mul", lane, stride))
            code.store(pointer, "%own", k, "ptr")
        code.call("solve_lane", "ptr %own", "ptr %work", "i1 true")
        running = code.call("take_lane", "ptr %own", "ptr %work", "ptr %simd", "i64 %slot", result="i1")
        with code.when(running):
            code.put("ret i1 true")
            code.label("taken")
    code.put("ret i1 false")
    code.finish()
