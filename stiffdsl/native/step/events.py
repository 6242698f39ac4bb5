"""Events inside of a kernel (as `integrate/events.py`): the first one in a step, and what goes on behind an instant.

event_located(…) -> theta     the part of an attempted step behind which an event lies; 2 where there is none, less
                              than 0 where one is lost up to there
event_cut(…, theta, dense)    its new value, and dense output where it is read, up to there
event_before(t, y, …)         what conditions are at t, as they were before what happens there
happen(t, y, …)               all that happens at t
"""

from collections.abc import Callable
from functools import partial, reduce

import numpy as np

from stiffdsl.native.functions.emission import emit_function
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.ir.registers import RegisterNamespace
from stiffdsl.native.step.attempt import PARAMETERS, KernelModel, Writer
from stiffdsl.native.step.dense_output import interpolated
from stiffdsl.native.step.guard_polynomials import are_polynomials, emit_event_polynomials
from stiffdsl.native.step.layout import Areas
from stiffdsl.solve.base.dense_output import rows_at
from stiffdsl.solve.base.event_rules import most_rounds, trouble
from stiffdsl.solve.base.first_step import EPSILON
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.events import (
    BEYOND,
    BISECTIONS,
    BLURRED,
    DEEP,
    FAR,
    GOLDEN,
    LOOKS,
    NEAR,
    NODES,
    SECANTS,
    SECTIONS,
    SLIGHT,
    SLOPES,
    SOON,
    TURNED,
    WITHIN,
    ZOOMS,
    next_place,
    possible_height,
)

_GIVEN = PARAMETERS[:-1]
_AT = (*_GIVEN, ("double", "theta"))
INSTANT = (("double", "t"), ("ptr", "y"), ("ptr", "p"), ("ptr", "operands"), ("ptr", "work"))
# The theta of a step without an event.
NONE = 2.0
FIRED, STOP, STATUS = range(3)


def emit_event_functions(module: IRModule, model: KernelModel) -> int:
    """Both functions of the model; returns the doubles of scratch they need."""
    if model.events is None:
        return 0
    events = model.events
    scratch = [emit_function(module, events.guards, events.tables, "event_guards")]
    scratch.append(emit_function(module, events.reset, events.tables, "event_reset"))
    if events.behind is not None:
        scratch.append(emit_function(module, events.behind, events.tables_behind, "event_behind"))
    return max(scratch)


def emit_events(
    module: IRModule,
    model: KernelModel,
    areas: Areas,
    note: Callable[["_Function", bool], None] | None = None,
) -> None:
    """All functions above, where there are events. `note(f, acted)` writes what is to be done before events act, and,
    `acted`, after algebraic unknowns were set anew."""
    if model.events is None:
        return
    # Where all events wait for a time, or for one another, none is looked for in steps.
    if np.any(model.events.located):
        _emit_at(module, model, areas)
        _emit_height(module, model, areas)
        _emit_certain(module, model, areas)
        _emit_extreme(module, model, areas)
        _emit_bracket(module, model, areas)
        _emit_looks(module, model, areas)
        _emit_along(module, model, areas)
        _emit_left_at_once(module, model, areas)
        _emit_first(module, model, areas)
        if are_polynomials(model):
            emit_event_polynomials(module, model, areas)
        _emit_located(module, model, areas)
        _emit_cut(module, model, areas)
    _emit_before(module, model, areas)
    _emit_happen(module, model, areas, note or (lambda f, acted: None))


class _Function:
    """The code of one function, for an attempted step or for an instant."""

    def __init__(
        self, module: IRModule, model: KernelModel, areas: Areas, name: str, given=_AT, result: str = "void"
    ):
        assert model.events is not None
        self.events = model.events
        self.code = Code(module, name, given, result, attributes="noinline")
        self.writer = Writer(self.code, model, areas)
        self.model, self.area, self.count = model, self.writer.area, model.events.count
        self.given = given

    def entry(self, area: str, k: str | int) -> str:
        return self.code.load(self.area(area), k)

    def drive(self, time: str) -> None:
        if self.model.inputs:
            pointers = ("%operands", *map(self.area, ("span", "u", "u_t")))
            self.code.call("inputs", f"double {time}", *(f"ptr {p}" for p in pointers))

    def guards(self, time: str, y: str) -> None:
        """Conditions and guards into `events`."""
        self.drive(time)
        pointers = (y, "%p", self.area("u"), self.area("events"), self.area("scratch"))
        self.code.call("event_guards", f"double {time}", *(f"ptr {p}" for p in pointers))

    def call(self, function: str, *more: str, result: str = "void") -> str:
        """Another function of the same step."""
        listed = [f"{kind} %{name}" for kind, name in _GIVEN]
        return self.code.call(function, *listed, *more, result=result)

    def note(self, function: str, theta: str, j: int) -> str:
        """Conditions and guards by `event_at`, or `event_along`, at a part of the step, into row j of `event_nodes`."""
        self.call(function, f"double {theta}")
        row = self.code.at(self.area("event_nodes"), j * 2 * self.count)
        with self.code.loop(2 * self.count) as k:
            self.code.store(self.entry("events", k), row, k)
        return row

    def end(self, value: str | None = None, kind: str = "double") -> None:
        self.code.put("ret void" if value is None else f"ret {kind} {value}")
        self.code.finish()

    def either(self, flag: str, value: str) -> None:
        """Raises the variable `flag` where `value` is true."""
        code = self.code
        code.store(code.apply("or", code.load(flag, kind="i1"), value), flag, kind="i1")


def _emit_at(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_at(…, theta)`: conditions and guards there into `events`."""
    f = _Function(module, model, areas, "event_at")
    code, rows = f.code, len(model.steps.H)
    moving = _still_entries(f)
    places = code.module.constants(moving.astype(np.int32))
    with code.loop(len(moving)) as j:
        k = code.index(places, j)
        K = [code.load(f.area("K", r), k) for r in range(rows)]
        value = interpolated(code, code.load("%y", k), code.load(f.area("y1"), k), K, "%theta")
        code.store(value, f.area("argument"), k)
    f.guards(code.apply("add", "%t", code.apply("mul", "%theta", "%h")), f.area("argument"))
    f.end()


def _still_entries(f: _Function) -> np.ndarray:
    """Entries that change at events alone into `argument`; the others that guards read."""
    code, read = f.code, f.events.read
    still = f.events.still[read]
    places = code.module.constants(read[still].astype(np.int32))
    if still.any():
        with code.loop(int(still.sum())) as j:
            k = code.index(places, j)
            code.store(code.load("%y", k), f.area("argument"), k)
    return read[~still]


def _emit_height(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_height(…, theta) -> double`: the greatest guard of the conditions that do not hold `before`; positive
    where one turned true, else not."""
    f = _Function(module, model, areas, "event_height", result="double")
    f.call("event_at", "double %theta")
    f.end(_height(f))


def _height(f: _Function) -> str:
    """As `event_height`, at the part of the step whose conditions and guards lie in `events`."""
    code, number = f.code, f.code.number
    risen, greatest = code.variable("i1", "false"), code.variable("double", number(-BEYOND))
    with code.loop(f.count) as k:
        before = f.entry("before", k)
        f.either(risen, code.apply("gt", f.entry("events", k), before))
        guard = f.entry("events", code.integer("add", k, str(f.count)))
        counts = code.apply(
            "and", code.apply("le", before, number(0.0)), code.apply("gt", guard, code.load(greatest))
        )
        code.store(code.select(counts, guard, code.load(greatest)), greatest)
    height = code.load(greatest)
    positive, negative = code.larger(height, number(TURNED)), code.smaller(height, number(0.0))
    return code.select(code.load(risen, kind="i1"), positive, negative)


def _emit_certain(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_certain(…, theta, event, was) -> i1`: whether an event is not as it was, wherever within rounding time and
    values are."""
    given = (*_AT, ("i64", "event"), ("double", "was"))
    f = _Function(module, model, areas, "event_certain", given, "i1")
    code, number, rows, read = f.code, f.code.number, len(model.steps.H), _still_entries(f)
    places = code.module.constants(read.astype(np.int32))
    even = np.where(read % 2, -1.0, 1.0)
    blurred, certain = number(BLURRED * EPSILON), code.variable("i1", "true")
    for signs, later in ((even, 1.0), (-even, -1.0), (np.ones(len(read)), -1.0), (-np.ones(len(read)), 1.0)):
        table = code.module.constants(signs)
        with code.loop(len(read)) as j:
            k = code.index(places, j)
            K = [code.load(f.area("K", r), k) for r in range(rows)]
            y0, y1 = code.load("%y", k), code.load(f.area("y1"), k)
            size = code.apply("add", code.apply("abs", y0), code.apply("abs", y1))
            away = code.apply("mul", code.load(table, j), code.apply("mul", blurred, size))
            value = code.apply("add", interpolated(code, y0, y1, K, "%theta"), away)
            code.store(value, f.area("argument"), k)
        time = code.apply("add", "%t", code.apply("mul", "%theta", "%h"))
        away = code.apply("mul", number(later * BLURRED * EPSILON), code.apply("abs", time))
        f.guards(code.apply("add", time, away), f.area("argument"))
        turned = code.apply("ne", code.load(f.area("events"), "%event"), "%was")
        code.store(code.apply("and", code.load(certain, kind="i1"), turned), certain, kind="i1")
    f.end(code.load(certain, kind="i1"), "i1")


def _emit_extreme(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_extreme(…, left, right, event, was) -> double`: where the guard of an event turns to the other side of
    zero between two parts of a step, by golden sections; 2 where it does not."""
    given = (*_GIVEN, ("double", "left"), ("double", "right"), ("i64", "event"), ("double", "was"))
    f = _Function(module, model, areas, "event_extreme", given, "double")
    code, number = f.code, f.code.number
    names = ("left", "right", "x1", "x2", "v1", "v2")
    left, right, x1, x2, v1, v2 = (code.variable("double") for _ in names)
    found = code.variable("double", number(NONE))
    holds = code.apply("gt", "%was", number(0.0))
    sign = code.select(holds, number(-1.0), number(1.0))

    def value(theta: str, into: str) -> None:
        f.call("event_at", f"double {theta}")
        guard = code.load(code.at(f.area("events"), f.count), "%event")
        code.store(code.apply("mul", sign, guard), into)
        turned = code.apply("ne", code.load(f.area("events"), "%event"), "%was")
        with code.when(turned):
            listed = (f"double {theta}", "i64 %event", "double %was")
            certain = f.call("event_certain", *listed, result="i1")
            code.store(code.select(certain, theta, code.load(found)), found)

    def inside(place: str, first: bool) -> str:
        low, high = code.load(left), code.load(right)
        part = code.apply("mul", number(GOLDEN), code.apply("sub", high, low))
        return code.apply("sub", high, part) if first else code.apply("add", low, part)

    code.store("%left", left)
    code.store("%right", right)
    code.store(inside(x1, True), x1)
    code.store(inside(x2, False), x2)
    value(code.load(x1), v1)
    value(code.load(x2), v2)
    count = code.variable("double", number(0.0))
    with code.forever() as narrowing:
        code.leave(narrowing, code.apply("le", code.load(found), number(1.0)))
        code.leave(narrowing, code.apply("ge", code.load(count), number(float(SECTIONS))))
        with code.choice(code.apply("lt", code.load(v1), code.load(v2))) as (upper, lower):
            with upper:
                code.store(code.load(x1), left)
                code.store(code.load(x2), x1)
                code.store(code.load(v2), v1)
                code.store(inside(x2, False), x2)
                value(code.load(x2), v2)
            with lower:
                code.store(code.load(x2), right)
                code.store(code.load(x1), x2)
                code.store(code.load(v1), v2)
                code.store(inside(x1, True), x1)
                value(code.load(x1), v1)
        code.store(code.apply("add", code.load(count), number(1.0)), count)
    f.end(code.load(found))


def _emit_bracket(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_bracket(…, low, high, whole)`: the first rise of a condition between two parts of a step, as far as is
    seen, into `bracket`: its two ends and the node before; `NONE` where there is none. Rises just before `high` count
    in the whole step."""
    given = (*_GIVEN, ("double", "low"), ("double", "high"), ("i1", "whole"))
    f = _Function(module, model, areas, "event_bracket", given)
    code, number, count = f.code, f.code.number, f.count
    width, bracket, last = 2 * count, f.area("bracket"), len(NODES) - 1
    code.store(number(NONE), bracket, 0)
    code.store(number(NONE), bracket, 1)
    wide = code.apply("sub", "%high", "%low")
    nodes = [code.apply("add", "%low", code.apply("mul", number(x), wide)) for x in NODES[:-1].tolist()]
    nodes.append("%high")
    for j, node in enumerate(nodes):
        row = f.note("event_at", node, j)
        risen = code.variable("i1", "false")
        if not j:
            continue
        previous = code.at(f.area("event_nodes"), (j - 1) * width)
        with code.loop(count) as k:
            f.either(risen, code.apply("gt", code.load(row, k), code.load(previous, k)))
        first = code.apply("gt", code.load(bracket, 0), number(1.0))
        if j == last:
            first = code.apply("and", first, "%whole")
        with code.when(code.apply("and", first, code.load(risen, kind="i1"))):
            code.store(nodes[j - 1], bracket, 0)
            code.store(node, bracket, 1)
            code.store(nodes[max(j - 2, 0)], bracket, 2)
    with code.loop(count) as k:
        guards = [code.load(code.at(f.area("event_nodes"), j * width + count), k) for j in range(last + 1)]
        low, high = reduce(code.smaller, guards), reduce(code.larger, guards)
        spread = code.apply("sub", high, low)
        near = code.apply("le", low, spread)
        near = code.apply("and", near, code.apply("le", code.apply("neg", high), spread))
        with code.when(near):
            for j in range(1, last - 1):
                _look_between(f, nodes, guards, j, k)
    f.end()


def _look_between(f: _Function, nodes: list[str], guards: list[str], j: int, k: str) -> None:
    """Looks at event k where it may turn unseen between the nodes j and j + 1 (`possible_height`)."""
    code, number, bracket = f.code, f.code.number, f.area("bracket")
    xp, table = RegisterNamespace(code), f.area("event_nodes")

    def holds(node: int) -> str:
        return code.load(code.at(table, node * 2 * f.count), k)

    was = holds(j)
    true = code.apply("gt", was, number(0.0))
    sign = xp.of(code.select(true, number(-1.0), number(1.0)))
    left, right = (sign * xp.of(guards[i]) for i in (j, j + 1))
    secants = [
        (xp.of(guards[i + 1]) - xp.of(guards[i])) / float(NODES[i + 1] - NODES[i]) for i in (j - 1, j + 1)
    ]
    slopes = [
        xp.of(code.combination(SLOPES[i][used], [guards[u] for u in used]))
        for i in (j, j + 1)
        if len(used := np.flatnonzero(SLOPES[i]))
    ]
    wide = xp.of(number(float(NODES[j + 1] - NODES[j])))
    lines, curves = (
        possible_height(xp, wide, left, right, *(sign * s for s in pair)) for pair in (secants, slopes)
    )
    height = xp.maximum(lines, curves)
    near = height + xp.maximum(left, right) + NEAR * height
    same = xp.of(code.apply("eq", was, holds(j + 1)))
    earlier = xp.of(code.apply("lt", nodes[j], code.load(bracket, 0)))
    with code.when((earlier & same & (height > 0.0) & (near > 0.0)).text):
        listed = (f"double {nodes[j]}", f"double {nodes[j + 1]}", f"i64 {k}", f"double {was}")
        peak = f.call("event_extreme", *listed, result="double")
        begin, end = code.select(true, peak, nodes[j]), code.select(true, nodes[j + 1], peak)
        turned = code.apply("le", peak, number(1.0))
        sooner = code.apply("and", turned, code.apply("lt", begin, code.load(bracket, 0)))
        with code.when(sooner):
            code.store(begin, bracket, 0)
            code.store(end, bracket, 1)
            code.store(nodes[j - 1], bracket, 2)


def _emit_looks(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_looks(…)`: into the first entry of `bracket` whether a condition may turn true in the step (1, else 0).
    Conditions and guards at `LOOKS` are left in `event_nodes`."""
    f = _Function(module, model, areas, "event_looks", _GIVEN)
    code, number, count = f.code, f.code.number, f.count
    nodes, width = f.area("event_nodes"), 2 * f.count
    for j, look in enumerate(LOOKS):
        f.note("event_at", number(look), j)
    suspicious = code.variable("i1", "false")
    with code.loop(count) as k:
        holds = [code.load(code.at(nodes, j * width), k) for j in range(len(LOOKS))]
        guards = [code.load(code.at(nodes, j * width + count), k) for j in range(len(LOOKS))]
        for other in holds[1:]:
            f.either(suspicious, code.apply("ne", holds[0], other))
        least, most, near = guards[0], guards[0], code.apply("abs", guards[0])
        for guard in guards[1:]:
            least, most = code.smaller(least, guard), code.larger(most, guard)
            near = code.smaller(near, code.apply("abs", guard))
        spread = code.apply("mul", number(FAR), code.apply("sub", most, least))
        f.either(suspicious, code.apply("not", code.apply("gt", near, spread)))
    flag = code.select(code.load(suspicious, kind="i1"), number(1.0), number(0.0))
    code.store(flag, f.area("bracket"), 0)
    f.end()


def _emit_along(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_along(…, theta)`: as `event_at`, by the slopes at the beginning of the step."""
    f = _Function(module, model, areas, "event_along")
    code, moving = f.code, _still_entries(f)
    places = code.module.constants(moving.astype(np.int32))
    with code.loop(len(moving)) as j:
        k = code.index(places, j)
        y0, y1, K = code.load("%y", k), code.load(f.area("y1"), k), code.load(f.area("K", 0), k)
        slope = code.apply("add", code.apply("sub", y1, y0), K)
        code.store(code.apply("add", y0, code.apply("mul", "%theta", slope)), f.area("argument"), k)
    f.guards(code.apply("add", "%t", code.apply("mul", "%theta", "%h")), f.area("argument"))
    f.end()


def _emit_left_at_once(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_left_at_once(…) -> double`, as `integrate.events._left_at_once`; negative where rounding hides it. The
    ends of the step are as `event_looks` has left them."""
    f = _Function(module, model, areas, "event_left_at_once", _GIVEN, "double")
    code, number, count = f.code, f.code.number, f.count
    nodes, width = f.area("event_nodes"), 2 * f.count
    rows = [code.at(nodes, LOOKS.index(end) * width) for end in (0.0, 1.0)]
    rows += [f.note("event_along", number(theta), len(LOOKS) + j) for j, theta in enumerate((1.0, SLIGHT))]
    located = code.module.constants(f.events.located.astype(float))
    shortest, hidden = code.variable("double", number(NONE)), code.variable("i1", "false")
    zero = number(0.0)
    with code.loop(count) as k:
        holds = [code.load(row, k) for row in rows]
        guards = [code.load(code.at(row, count), k) for row in rows]
        fall, whole = code.apply("sub", guards[0], guards[2]), code.apply("sub", guards[1], guards[2])
        leaves = code.apply("gt", code.load(located, k), zero)
        for held in holds[:2]:
            leaves = code.apply("and", leaves, code.apply("gt", held, zero))
        leaves = code.apply("and", leaves, code.apply("not", code.apply("gt", holds[2], zero)))
        for positive in (fall, whole):
            leaves = code.apply("and", leaves, code.apply("gt", positive, zero))
        soon = code.apply("le", guards[0], code.apply("mul", number(SOON), fall))
        leaves = code.apply("and", leaves, code.apply("and", soon, code.apply("le", guards[3], guards[0])))
        with code.when(leaves):
            part = code.apply("div", fall, whole)
            height = code.apply("mul", number(0.25), code.apply("mul", fall, part))
            deep = code.apply("ge", height, code.apply("mul", number(DEEP), guards[0]))
            sure = code.variable("i1", deep)
            listed = (f"double {zero}", f"i64 {k}", f"double {zero}")
            blurred = code.apply("not", f.call("event_certain", *listed, result="i1"))
            f.either(sure, blurred)
            with code.when(code.load(sure, kind="i1")):
                seen = code.variable("i1", code.apply("not", blurred))
                for share in WITHIN:
                    place = code.apply("mul", number(share), part)
                    listed = (f"double {place}", f"i64 {k}", f"double {number(1.0)}")
                    f.either(seen, f.call("event_certain", *listed, result="i1"))
                f.either(hidden, code.apply("not", code.load(seen, kind="i1")))
                code.store(code.smaller(code.load(shortest), part), shortest)
    found = code.apply("lt", code.load(shortest), number(NONE))
    part = code.select(found, code.load(shortest), zero)
    f.end(code.select(code.load(hidden, kind="i1"), code.apply("neg", part), part))


def _emit_first(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_first(…, high) -> double`: the part of the step behind which the first event up to `high` lies; `NONE`
    where there is none. What conditions are just before is left in `before`."""
    f = _Function(module, model, areas, "event_first", (*_GIVEN, ("double", "high")), "double")
    code, number, bracket = f.code, f.code.number, f.area("bracket")
    begin, end = code.variable("double", number(0.0)), code.variable("double", "%high")
    theta, rounds = code.variable("double", number(NONE)), code.variable("double", number(0.0))
    with code.forever() as looking:
        first = code.apply("eq", code.load(rounds), number(0.0))
        f.call("event_bracket", f"double {code.load(begin)}", f"double {code.load(end)}", f"i1 {first}")
        code.leave(looking, code.apply("gt", code.load(bracket, 0), number(1.0)))
        code.store(code.load(bracket, 2), begin)
        located = _turned(f, code.load(bracket, 0), code.load(bracket, 1))
        code.store(located, theta)
        code.store(located, end)
        code.store(code.apply("add", code.load(rounds), number(1.0)), rounds)
        code.leave(looking, code.apply("ge", code.load(rounds), number(float(ZOOMS))))
    f.end(code.load(theta))


def _emit_located(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_located(…) -> double`, negative where an event is lost up to there. What conditions are just before is
    left in `before`."""
    f = _Function(module, model, areas, "event_located", _GIVEN, "double")
    code, number, bracket = f.code, f.code.number, f.area("bracket")
    if are_polynomials(model):
        found = f.call("event_polynomials", result="double")
        with code.when(code.apply("ge", found, number(0.0))):
            code.put(f"ret double {found}")
            code.label("unsure")
    f.call("event_looks")
    with code.when(code.apply("eq", code.load(bracket, 0), number(0.0))):
        code.put(f"ret double {number(NONE)}")
        code.label("closely")
    found = f.call("event_left_at_once", result="double")
    hidden, part = code.apply("lt", found, number(0.0)), code.apply("abs", found)
    leaves = code.apply("gt", part, number(0.0))
    near = code.smaller(code.apply("mul", number(2.0), part), number(1.0))
    theta = code.variable("double", number(NONE))

    def search(where: str, high: str) -> None:
        with code.when(code.apply("and", where, code.apply("not", hidden))):
            code.store(f.call("event_first", f"double {high}", result="double"), theta)

    search(leaves, near)
    search(code.apply("gt", code.load(theta), number(1.0)), number(1.0))
    f.end(code.select(hidden, code.apply("neg", near), code.load(theta)))


def _turned(f: _Function, begin: str, end: str) -> str:
    """The part of the step behind which a condition turns true; what conditions are just before into `before`."""
    code, number = f.code, f.code.number
    xp = RegisterNamespace(code)
    _keep_before(f, begin)

    def height(theta: str) -> str:
        return f.call("event_height", f"double {theta}", result="double")

    low, high = code.variable("double", begin), code.variable("double", end)
    below, above = code.variable("double", _height(f)), code.variable("double", height(end))
    side, tries = code.variable("double", number(0.0)), code.variable("double", number(0.0))
    with code.forever() as narrowing:
        length = code.apply("abs", "%h")
        apart = code.apply("mul", code.apply("sub", code.load(high), code.load(low)), length)
        size = code.larger(code.apply("abs", "%t"), code.apply("mul", length, code.load(high)))
        rounding = code.apply("mul", number(EPSILON), size)
        many = code.apply("ge", code.load(tries), number(float(SECANTS + BISECTIONS)))
        code.leave(narrowing, code.apply("or", code.apply("le", apart, rounding), many))
        secants = code.apply("lt", code.load(tries), number(float(SECANTS)))
        least = code.apply("div", rounding, length)
        left, right, under, over = (xp.of(code.load(v)) for v in (low, high, below, above))
        place = next_place(xp, left, right, under, over, xp.of(least), xp.of(secants)).text
        found = height(place)
        risen = code.apply("gt", found, number(0.0))
        for own, moved, stays in ((below, code.apply("not", risen), 1.0), (above, risen, -1.0)):
            again = code.apply("gt", code.apply("mul", number(stays), code.load(side)), number(0.0))
            half = code.apply("mul", number(0.5), code.load(own))
            code.store(code.select(moved, found, code.select(again, half, code.load(own))), own)
        code.store(code.select(risen, code.load(low), place), low)
        code.store(code.select(risen, place, code.load(high)), high)
        code.store(code.select(risen, number(1.0), number(-1.0)), side)
        code.store(code.apply("add", code.load(tries), number(1.0)), tries)
    further = code.apply("sub", code.load(high), code.load(low))
    further = code.smaller(code.apply("add", code.load(high), further), number(1.0))
    risen = code.apply("gt", height(further), number(0.0))
    _keep_before(f, code.load(low))
    return code.select(risen, further, code.load(high))


def _keep_before(f: _Function, theta: str) -> None:
    """Conditions at a part of the step into `before`."""
    f.call("event_at", f"double {theta}")
    with f.code.loop(f.count) as k:
        f.code.store(f.entry("events", k), f.area("before"), k)


def _emit_cut(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_cut(…, theta, dense)`: the dense output only where it is read."""
    f = _Function(module, model, areas, "event_cut", (*_AT, ("i1", "dense")))
    code, rows = f.code, len(model.steps.H)
    nodes = np.arange(1, rows + 1) / (rows + 1)
    matrix = rows_at(nodes)
    moving = code.module.constants(np.flatnonzero(~f.events.still).astype(np.int32))
    still = code.module.constants(np.flatnonzero(f.events.still).astype(np.int32))
    if f.events.still.any():
        with code.loop(int(f.events.still.sum())) as j:
            k = code.index(still, j)
            code.store(code.load("%y", k), f.area("y1"), k)
            for r in range(rows):
                code.store(code.number(0.0), f.area("K", r), k)
    with code.loop(int((~f.events.still).sum())) as j:
        k = code.index(moving, j)
        y0, y1 = code.load("%y", k), code.load(f.area("y1"), k)
        K = [code.load(f.area("K", r), k) for r in range(rows)]
        end = interpolated(code, y0, y1, K, "%theta")
        code.store(end, f.area("y1"), k)
        with code.when("%dense"):
            inner = []
            for s in nodes.tolist():
                value = interpolated(code, y0, y1, K, code.apply("mul", code.number(s), "%theta"))
                ends = code.combination([1.0 - s, s], [y0, end])
                inner.append(
                    code.apply("mul", code.number(1.0 / (s * (1.0 - s))), code.apply("sub", value, ends))
                )
            for r, row in enumerate(matrix):
                code.store(code.combination(row.tolist(), inner), f.area("K", r), k)
    f.end()


def _emit_before(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`event_before(t, y, p, operands, work)`."""
    f = _Function(module, model, areas, "event_before", INSTANT)
    code = f.code
    f.guards("%t", "%y")
    with code.loop(f.count) as k:
        code.store(f.entry("events", k), f.area("before"), k)
    f.end()


def _emit_happen(
    module: IRModule, model: KernelModel, areas: Areas, note: Callable[[_Function, bool], None]
) -> None:
    """`happen(t, y, p, operands, work)`: y as it goes on; `also` says which events fire in any case, and is cleared.
    Into `acted`: which fired; into `happened`: whether something did, what ends the solve, and the status of what went
    wrong."""
    f = _Function(module, model, areas, "happen", INSTANT)
    code, number, n = f.code, f.code.number, model.n
    fired, stop, status = (
        code.variable("i1", "false"),
        *(code.variable("double", number(0.0)) for _ in range(2)),
    )
    happened = f.area("happened")

    def look(first: bool) -> None:
        """Events that fire now, into `fired`; conditions as they are become those before."""
        f.guards("%t", "%y")
        code.store("false", fired, kind="i1")
        with code.loop(f.count) as k:
            now = f.entry("events", k)
            rises = code.apply("gt", now, f.entry("before", k))
            if first:
                rises = code.apply("or", rises, code.apply("gt", f.entry("also", k), number(0.0)))
                code.store(number(0.0), f.area("also"), k)
            raised = code.select(rises, number(1.0), number(0.0))
            code.store(raised, f.area("fired"), k)
            code.store(raised if first else code.larger(raised, f.entry("acted", k)), f.area("acted"), k)
            code.store(now, f.area("before"), k)
            f.either(fired, rises)

    look(first=True)
    code.store(code.select(code.load(fired, kind="i1"), number(1.0), number(0.0)), happened, FIRED)
    rounds = code.variable("double", number(0.0))
    with code.forever() as acting:
        code.leave(acting, code.value(f"xor i1 {code.load(fired, kind='i1')}, true"))
        over = code.apply("ge", code.load(rounds), number(float(most_rounds(f.count))))
        with code.when(over):
            code.store(number(float(Status.ENDLESS)), status)
        code.leave(acting, code.apply("ne", code.load(status), number(0.0)))
        code.leave(acting, code.apply("ne", code.load(stop), number(0.0)))
        note(f, False)
        result = f.area("reset_y")
        pointers = ("%y", "%p", f.area("u"), f.area("fired"), result, f.area("scratch"))
        f.drive("%t")
        code.call("event_reset", "double %t", *(f"ptr {p}" for p in pointers))
        values, solved = result, []
        if f.events.behind is not None:
            values = f.area("behind_y")
            pointers = (result, "%p", f.area("u"), "%y", values, f.area("scratch"))
            code.call("event_behind", "double %t", *(f"ptr {p}" for p in pointers))
            solved.append(code.apply("gt", code.load(values, n), number(0.5)))
        with code.loop(n) as k:
            code.store(code.load(values, k), "%y", k)
        code.store(code.load(result, n), stop)
        finite = code.finite(result, n)
        conflict = code.apply("gt", code.load(result, n + 1), number(0.0))
        if not np.all(model.mass):
            solved.append(code.call("reset", "double %t", "ptr %y", "ptr %p", "ptr %work", result="i1"))
            note(f, True)
        xp, good = RegisterNamespace(code), reduce(partial(code.apply, "and"), solved, code.flag(True))
        code.store(trouble(xp, *xp.of(conflict, finite, good)).text, status)
        look(first=False)
        code.store(code.apply("add", code.load(rounds), number(1.0)), rounds)
    code.store(code.load(stop), happened, STOP)
    code.store(code.load(status), happened, STATUS)
    f.end()
