"""Kinks inside of a kernel (as `integrate/branches.py`): how much of an attempted step can be made in one piece."""

import numpy as np

from stiffdsl.native.functions.emission import emit_function
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.step.attempt import PARAMETERS, KernelModel, Writer
from stiffdsl.native.step.dense_output import interpolated
from stiffdsl.native.step.layout import Areas
from stiffdsl.solve.integrate.branches import (
    AHEAD,
    AT_REST,
    BETWEEN,
    CUBIC,
    HALVINGS,
    LEAST,
    LOOKS,
    MISSED,
    POINTS,
    SHORT,
    SHORT_FOR_SLOPES,
    WEIGHT,
)

GIVEN = PARAMETERS[:-1]
AT = (*GIVEN, ("double", "look"))


def emit_relations(module: IRModule, model: KernelModel) -> int:
    """Both functions; returns the doubles of scratch they need."""
    if model.kinks is None:
        return 0
    kinks = model.kinks
    return max(emit_function(module, f, kinks.tables) for f in (kinks.relations, kinks.held))


def emit_kinks(module: IRModule, model: KernelModel, areas: Areas, for_slopes: bool = False) -> None:
    """`kink(…) -> double`, with the parameters of an attempt that is made: stages and new value lie in their arrays.
    `for_slopes`: steps of a solve whose derivatives are taken, where the result is negative at a steep kink."""
    if model.kinks is None:
        return
    emit_look(module, model, areas)
    _emit_stage(module, model, areas)
    emit_changed(module, model, areas)
    if not np.all(model.mass):
        _emit_factor(module, model, areas)
    _emit_missing(module, model, areas, for_slopes)
    _emit_share(module, model, areas, for_slopes)


class StepFunction:
    """The code of one function for an attempted step."""

    def __init__(
        self, module: IRModule, model: KernelModel, areas: Areas, name: str, given=AT, result: str = "void"
    ):
        self.code = code = Code(module, name, given, result, attributes="noinline")
        self.writer = Writer(code, model, areas)
        self.model, self.area = model, self.writer.area

    def time(self) -> str:
        code = self.code
        return code.apply("add", "%t", code.apply("mul", "%look", "%h"))

    def evaluate(self, function: str, time: str, y: str, result: str, *more: str) -> None:
        pointers = (y, "%p", self.area("u"), *map(self.area, (*more, result, "scratch")))
        self.code.call(function, f"double {time}", *(f"ptr {p}" for p in pointers))

    def drive(self) -> None:
        """The inputs at the time of `look`."""
        if self.model.inputs:
            pointers = ("%operands", *map(self.area, ("span", "u", "u_t")))
            self.code.call("inputs", f"double {self.time()}", *(f"ptr {p}" for p in pointers))

    def call(self, function: str, look: str, result: str = "void", row: str | None = None) -> str:
        """Another function of the same step."""
        listed = [f"{kind} %{name}" for kind, name in GIVEN]
        listed += [f"double {look}"] + ([] if row is None else [f"ptr {row}"])
        return self.code.call(function, *listed, result=result)

    def end(self, value: str | None = None, kind: str = "double") -> None:
        self.code.put("ret void" if value is None else f"ret {kind} {value}")
        self.code.finish()


def emit_look(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`kink_look(…, look)`: dense output there into `argument`, and the inputs."""
    f = StepFunction(module, model, areas, "kink_look")
    code, rows = f.code, len(model.tableau.H)
    rest = code.apply("sub", code.number(1.0), "%look")
    result, after, K = f.area("argument"), f.area("y1"), [f.area("K", r) for r in range(rows)]
    with code.sweep(model.n) as k:
        own, parts = [code.load_part(row, k) for row in K], (code.same("%look"), code.same(rest))
        value = interpolated(code, code.load_part("%y", k), code.load_part(after, k), own, *parts)
        code.store_part(value, result, k)
    f.drive()
    f.end()


def _emit_stage(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`kink_stage(…, look, row)`: what a stage with this row of the tableau evaluated into `argument`, and the
    inputs."""
    f = StepFunction(module, model, areas, "kink_stage", (*AT, ("ptr", "row")))
    code, stages = f.code, model.tableau.stages
    result, made = f.area("argument"), [f.area("stages", i) for i in range(stages)]
    with code.sweep(model.n) as k:
        value = code.load_part("%y", k)
        for i in range(stages):
            value = code.fused(code.spread("%row", i), code.load_part(made[i], k), value)
        code.store_part(value, result, k)
    f.drive()
    f.end()


def emit_changed(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`kink_changed(…, look) -> i1`: whether a condition at `argument` is not as it was at the start."""
    assert model.kinks is not None
    f = StepFunction(module, model, areas, "kink_changed", result="i1")
    code = f.code
    f.evaluate("relations", f.time(), f.area("argument"), "relations")
    zero, one = code.number(0.0), code.number(1.0)
    rises = code.module.constants(model.kinks.rises)
    total = code.variable("double", zero)
    with code.loop(model.kinks.count) as k:
        before, now = code.load(f.area("held_relations"), k), code.load(f.area("relations"), k)
        rise = code.load(rises, k)
        risen = code.apply("gt", now, code.apply("add", before, rise))
        exponent = code.apply("gt", rise, zero)
        other = code.select(exponent, risen, code.apply("ne", now, before), "i1")
        code.store(code.apply("add", code.load(total), code.select(other, one, zero)), total)
    f.end(code.apply("ne", code.load(total), zero), "i1")


def _emit_factor(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`kink_factor(…, look)`: factors for a piece of the step up to there, with the slopes there."""
    f = StepFunction(module, model, areas, "kink_factor")
    code = f.code
    f.call("kink_look", "%look")
    f.evaluate("jacobian", f.time(), f.area("argument"), "J")
    alpha = code.apply("div", code.number(1.0), code.apply("mul", "%look", "%h"))
    code.call("assemble", f"double {alpha}", f"ptr {f.area('J')}", f"ptr {f.area('W')}")
    code.call("pivoted_factor", *(f"ptr {f.area(a)}" for a in ("W", "A", "pivots")))
    code.store("%look", f.area("kink_length"))
    f.end()


def _emit_missing(module: IRModule, model: KernelModel, areas: Areas, for_slopes: bool) -> None:
    """`kink_missing(…, look) -> double`: what the step misses at `argument`, in tolerated errors for a whole step."""
    f = StepFunction(module, model, areas, "kink_missing", result="double")
    code, b, z = f.code, f.area("b"), f.area("z")
    at_rest = slope_difference(f, for_slopes)
    if np.all(model.mass):
        reached, factor = b, "%h"
    else:
        pointers = (f.area("A"), f.area("pivots"), b, z)
        code.call("pivoted_solve", *(f"ptr {p}" for p in pointers))
        reached, factor = z, code.apply("div", code.number(1.0), code.load(f.area("kink_length")))
    end_missing(f, reached, factor, at_rest, SHORT_FOR_SLOPES if for_slopes else SHORT)


def slope_difference(f: StepFunction, for_slopes: bool) -> str:
    """f at `argument` less f there with conditions as they were at the start, into `b`; a variable that is above zero
    where f says nothing of the other side and a state comes to rest."""
    code, number = f.code, f.code.number
    mass, b, z = _mass(f), f.area("b"), f.area("z")
    f.evaluate("rhs", f.time(), f.area("argument"), "b")
    f.evaluate("held", f.time(), f.area("argument"), "z", "held_relations")
    at_rest = code.variable("double", number(0.0))
    with code.loop(f.model.n) as k:
        rate = code.load(b, k)
        difference = code.apply("sub", rate, code.load(z, k))
        finite = code.apply("eq", code.apply("sub", difference, difference), number(0.0))
        code.store(code.select(finite, difference, number(0.0)), b, k)
        if for_slopes:
            rests = code.apply("eq", code.apply("sub", rate, rate), number(0.0))
        else:
            is_state = code.apply("ne", code.load(mass, k), number(0.0))
            rests = code.apply("and", code.apply("eq", rate, number(0.0)), is_state)
        found = code.select(rests, number(AT_REST), number(0.0))
        found = code.select(finite, number(0.0), found)
        code.store(code.apply("add", code.load(at_rest), found), at_rest)
    return at_rest


def end_missing(f: StepFunction, reached: str, factor: str | None, at_rest: str, short: float) -> None:
    """Ends a function by the norm of `factor` times what states have `reached`, in tolerated errors; by `AT_REST` where
    something is `at_rest` in a step that is not `short`."""
    code, number, mass = f.code, f.code.number, _mass(f)
    total = code.variable("double", number(0.0))
    with code.loop(f.model.n) as k:
        value = code.load(reached, k)
        value = value if factor is None else code.apply("mul", factor, value)
        before, after = code.load("%y", k), code.load(f.area("y1"), k)
        value = f.writer.scaled(k, before, after, value)
        own = code.apply("ne", code.load(mass, k), number(0.0))
        value = code.select(own, value, number(0.0))
        code.store(code.apply("add", code.load(total), code.apply("mul", value, value)), total)
    mean = code.apply("mul", code.load(total), number(1.0 / np.sum(f.model.counted)))
    length, time = code.apply("abs", "%h"), code.apply("abs", "%t")
    long = code.apply("gt", length, code.apply("mul", number(short), code.larger(time, length)))
    rests = code.apply("and", code.apply("gt", code.load(at_rest), number(0.0)), long)
    f.end(code.select(rests, number(AT_REST), code.apply("sqrt", mean)))


def _mass(f: StepFunction) -> str:
    return f.code.module.constants(np.asarray(f.model.mass, dtype=float))


def _emit_share(module: IRModule, model: KernelModel, areas: Areas, for_slopes: bool) -> None:
    """`kink(…) -> double`."""
    f = StepFunction(module, model, areas, "kink", GIVEN, "double")
    code, number = f.code, f.code.number
    begin_looks(f)
    looks = code.module.constants(np.asarray(LOOKS))
    low, high, rate, behind = (code.variable("double", number(0.0)) for _ in range(4))
    factored = code.variable("i1", "false")
    seen, matters = code.variable("i1", "false"), code.variable("i1", "false")
    # One look after the other, up to the first by which too much was missed.
    with code.loop(len(LOOKS)) as j:
        waiting = code.value(f"xor i1 {code.load(matters, kind='i1')}, true")
        with code.when(waiting):
            _look(f, j, code.load(looks, j), (low, high, rate, behind), (factored, seen, matters))
    unseen = code.value(f"xor i1 {code.load(seen, kind='i1')}, true")
    with code.when(unseen):
        _look_between(f, (low, high, rate, behind), (factored, matters))
    if for_slopes:
        unmet = code.value(f"xor i1 {code.load(matters, kind='i1')}, true")
        with code.when(unmet):
            _look_ahead(f, (low, high, rate, behind), (factored, matters))
    possible = code.variable("double", number(1.0))
    with code.choice(code.load(matters, kind="i1")) as (yes, no):
        with yes:
            _halve(f, low, high, rate, behind)
            rests = code.apply("ge", code.load(rate), number(AT_REST))
            most = number(-0.5 if for_slopes else 0.5)
            half = code.apply("mul", most, code.larger(code.load(high), number(LEAST)))
            code.store(code.select(rests, half, code.load(high)), possible)
        with no:
            _look_at_stages(f, factored, possible)
    f.end(code.load(possible))


def begin_looks(f: StepFunction) -> None:
    """The rows of dense output, and the conditions where the step begins."""
    code, tableau = f.code, f.model.tableau
    made, K = (
        [f.area(a, i) for i in range(n)] for a, n in (("stages", tableau.stages), ("K", len(tableau.H)))
    )
    with code.sweep(f.model.n) as k:
        stages = [code.load_part(stage, k) for stage in made]
        for row, result in zip(tableau.H, K, strict=True):
            code.store_part(code.combination(row, stages), result, k)
    f.writer.drive(0.0)
    f.evaluate("relations", "%t", "%y", "held_relations")


def _look(
    f: StepFunction, j: str, look: str, places: tuple[str, str, str, str], flags: tuple[str, str, str]
) -> None:
    """One look further on, number `j`: what is missed up to there. The flags say whether there are factors, whether a
    condition was another, and whether that matters."""
    code, number = f.code, f.code.number
    factored, seen, matters = flags
    low, high, rate, behind = places
    before = code.load(high)
    code.store(before, low)
    code.store(look, high)
    previous = code.load(behind)
    piece = code.variable("double")
    code.store(number(0.0), piece)
    f.call("kink_look", look)
    changed = f.call("kink_changed", look, "i1")
    keep_compared(f, j)
    with code.when(changed):
        code.store("true", seen, kind="i1")
        _factor_once(f, look, factored)
        found = f.call("kink_missing", look, "double")
        code.store(found, rate)
        code.store(code.apply("mul", code.apply("sub", look, before), found), piece)
    total = code.apply("add", previous, code.load(piece))
    much = code.apply("gt", total, number(MISSED))
    code.store(much, matters, kind="i1")
    code.store(code.select(much, previous, total), behind)


def keep_compared(f: StepFunction, j: str) -> None:
    """Keeps what conditions compare at look number `j`."""
    code, kinks = f.code, f.model.kinks
    assert kinks is not None
    kept = code.at(f.area("compared"), code.integer("mul", j, str(kinks.count)))
    with code.loop(kinks.count) as k:
        code.store(code.load(code.at(f.area("relations"), kinks.count), k), kept, k)


def touch_between(f: StepFunction) -> str:
    """The first point between the looks where a condition may be another, by the polynomial through what it compares at
    the start and at the looks; above one where there is none."""
    code, number, kinks = f.code, f.code.number, f.model.kinks
    assert kinks is not None
    zero, rises = number(0.0), code.module.constants(kinks.rises)
    touch = code.variable("double", number(2.0))
    with code.loop(kinks.count) as k:
        first = code.load(code.at(f.area("held_relations"), kinks.count), k)
        values = [
            first,
            *(code.load(code.at(f.area("compared"), j * kinks.count), k) for j in range(len(LOOKS))),
        ]
        rise = code.load(rises, k)
        most = code.apply("add", code.load(f.area("held_relations"), k), rise)
        exponent = code.apply("gt", rise, zero)
        for point, row in zip(POINTS, CUBIC, strict=True):
            value = code.combination(row, values)
            other = code.apply("lt", code.apply("mul", value, first), zero)
            other = code.select(exponent, code.apply("gt", value, most), other, "i1")
            nearer = code.smaller(code.load(touch), number(point))
            code.store(code.select(other, nearer, code.load(touch)), touch)
    return code.load(touch)


def _look_between(f: StepFunction, places: tuple[str, str, str, str], flags: tuple[str, str]) -> None:
    """Looks at the first point between where a condition may be another."""
    code, number = f.code, f.code.number
    low, high, rate, behind = places
    factored, matters = flags
    look = touch_between(f)
    with code.when(code.apply("lt", look, number(1.0))):
        f.call("kink_look", look)
        with code.when(f.call("kink_changed", look, "i1")):
            _factor_once(f, look, factored)
            found = f.call("kink_missing", look, "double")
            code.store(code.apply("sub", look, number(1 / BETWEEN)), low)
            code.store(look, high)
            code.store(found, rate)
            code.store(number(0.0), behind)
            much = code.apply("gt", code.apply("mul", number(1 / BETWEEN), found), number(MISSED))
            code.store(much, matters, kind="i1")


def _look_ahead(f: StepFunction, places: tuple[str, str, str, str], flags: tuple[str, str]) -> None:
    """Looks behind the end of the step, where there may be a steep kink that it has come near to."""
    code, number = f.code, f.code.number
    factored, matters = flags
    f.call("kink_look", number(AHEAD))
    with code.when(f.call("kink_changed", number(AHEAD), "i1")):
        _factor_once(f, number(AHEAD), factored)
        found = f.call("kink_missing", number(AHEAD), "double")
        for value, place in zip((number(1.0), number(AHEAD), found, number(0.0)), places, strict=True):
            code.store(value, place)
        code.store(code.apply("ge", found, number(AT_REST)), matters, kind="i1")


def _factor_once(f: StepFunction, look: str, factored: str) -> None:
    """Factors for what algebraic equations miss, where there are none yet; `argument` is that of `look`."""
    if np.all(f.model.mass):
        return
    code = f.code
    with code.when(code.value(f"xor i1 {code.load(factored, kind='i1')}, true")):
        f.call("kink_factor", look)
        code.store("true", factored, kind="i1")


def _look_at_stages(f: StepFunction, factored: str, possible: str) -> None:
    """Half a step is `possible` where a stage is beyond a kink that the solution does not reach, and that matters."""
    code, number, tableau = f.code, f.code.number, f.model.tableau
    matrix = code.module.constants(tableau.a_matrix.astype(float))
    nodes = code.module.constants(np.asarray(tableau.c, dtype=float))
    with code.loop(tableau.stages, 1) as i:
        look = code.load(nodes, i)
        row = code.at(matrix, code.integer("mul", i, str(tableau.stages)))
        f.call("kink_stage", look, row=row)
        with code.when(f.call("kink_changed", look, "i1")):
            if not np.all(f.model.mass):
                _factor_once(f, number(1.0), factored)
                f.call("kink_stage", look, row=row)
            seen = code.apply("mul", number(WEIGHT), f.call("kink_missing", look, "double"))
            with code.when(code.apply("gt", seen, number(MISSED))):
                code.store(number(0.5), possible)


def _halve(f: StepFunction, low: str, high: str, rate: str, behind: str) -> None:
    """Moves `high` to where no more is missed than may be, a little behind the kink."""
    code, number = f.code, f.code.number
    count = code.variable("double", number(0.0))
    with code.forever() as halving:
        width = code.apply("sub", code.load(high), code.load(low))
        missed = code.apply("add", code.load(behind), code.apply("mul", width, code.load(rate)))
        code.leave(halving, code.apply("not", code.apply("gt", missed, number(MISSED))))
        code.leave(halving, code.apply("ge", code.load(count), number(HALVINGS)))
        middle = code.apply("mul", number(0.5), code.apply("add", code.load(low), code.load(high)))
        f.call("kink_look", middle)
        found = f.call("kink_missing", middle, "double")
        width = code.apply("sub", middle, code.load(low))
        more = code.apply("add", code.load(behind), code.apply("mul", width, found))
        with code.choice(code.apply("le", more, number(0.5 * MISSED))) as (later, earlier):
            with later:
                code.store(middle, low)
                code.store(more, behind)
            with earlier:
                code.store(middle, high)
                code.store(found, rate)
        code.store(code.apply("add", code.load(count), number(1.0)), count)
