"""Kinks where conditions are held inside of steps (as `integrate/held_conditions.py`): how much of an attempted step
can be made in one piece."""

from dataclasses import dataclass

import numpy as np

from stiffdsl.native.ir.code import IRModule
from stiffdsl.native.step.attempt import KernelModel, emit_general
from stiffdsl.native.step.branches import (
    AT,
    GIVEN,
    StepFunction,
    begin_looks,
    emit_changed,
    emit_look,
    end_missing,
    keep_compared,
    slope_difference,
    touch_between,
)
from stiffdsl.native.step.layout import Areas
from stiffdsl.native.step.unrolled import emit_unrolled
from stiffdsl.solve.integrate.branches import (
    AT_REST,
    BETWEEN,
    LEAST,
    LOOKS,
    MISSED,
    SHORT,
    WEIGHT,
)
from stiffdsl.solve.integrate.held_conditions import NEARER, NEAREST, NEARINGS, nodes

_PIECE = (*AT, ("double", "length"))


def emit_held_kinks(module: IRModule, model: KernelModel, areas: Areas, planned: bool) -> None:
    """`kink(…) -> double`, with the parameters of an attempt that is made, and `attempt_held`. `planned`: whether there
    are functions that follow the plan of the factors."""
    emit_look(module, model, areas)
    emit_changed(module, model, areas)
    _emit_missing(module, model, areas, planned)
    _emit_share(module, model, areas)
    if planned:
        emit_general(module, model, areas, planned, held=True)
    else:
        emit_unrolled(module, model, areas, held=True)


def _emit_missing(module: IRModule, model: KernelModel, areas: Areas, planned: bool) -> None:
    """`kink_missing(…, look, length) -> double`: the error of a piece of that length that has f at its end,
    `argument`, in tolerated ones."""
    f = StepFunction(module, model, areas, "kink_missing", _PIECE, "double")
    code, b, z = f.code, f.area("b"), f.area("z")
    at_rest = slope_difference(f, for_slopes=False)
    if np.all(model.mass):
        reached, factor = b, code.apply("mul", "%length", "%h")
    else:
        f.evaluate("jacobian", f.time(), f.area("argument"), "J")
        alpha = code.apply("div", code.number(1.0), code.apply("mul", "%length", "%h"))
        code.call("assemble", f"double {alpha}", f"ptr {f.area('J')}", f"ptr {f.area('W')}")
        _solve(f, planned, b, z)
        reached, factor = z, None
    end_missing(f, reached, factor, at_rest, SHORT)


def _missing(f: StepFunction, look: str, length: str) -> str:
    listed = [f"{kind} %{name}" for kind, name in GIVEN]
    return f.code.call("kink_missing", *listed, f"double {look}", f"double {length}", result="double")


def _solve(f: StepFunction, planned: bool, b: str, x: str) -> None:
    """The solution for the matrix in `W`, by pivots as they come where those of the plan are bad."""
    code = f.code

    def pivoted() -> None:
        code.call("pivoted_factor", *(f"ptr {f.area(a)}" for a in ("W", "A", "pivots")))
        code.call("pivoted_solve", *(f"ptr {p}" for p in (f.area("A"), f.area("pivots"), b, x)))

    if not planned:
        pivoted()
        return
    code.call("factor", *(f"ptr {f.area(a)}" for a in ("W", "LU")))
    # Nothing else is in `argument` after the looks.
    code.call("solve", *(f"ptr {p}" for p in (f.area("LU"), b, x, f.area("argument"))))
    good = code.call("check", *(f"ptr {p}" for p in (f.area("W"), b, x)), result="i1")
    with code.when(code.apply("not", good)):
        pivoted()


@dataclass(frozen=True)
class _Places:
    """Variables of `kink`: the kink lies between `low` and `edge`; `missed` is what a piece up to `end` misses."""

    low: str
    edge: str
    end: str
    missed: str


def _emit_share(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """`kink(…) -> double`."""
    f = StepFunction(module, model, areas, "kink", GIVEN, "double")
    code, number = f.code, f.code.number
    begin_looks(f)
    looks = code.module.constants(np.asarray(LOOKS))
    places = _Places(*(code.variable("double", number(0.0)) for _ in range(4)))
    seen, matters = code.variable("i1", "false"), code.variable("i1", "false")
    # One look after the other, up to the first by which too much was missed.
    with code.loop(len(LOOKS)) as j:
        waiting = code.value(f"xor i1 {code.load(matters, kind='i1')}, true")
        with code.when(waiting):
            _look(f, j, code.load(looks, j), places, seen, matters)
    unseen = code.value(f"xor i1 {code.load(seen, kind='i1')}, true")
    with code.when(unseen):
        _look_between(f, places, matters)
    possible = code.variable("double", number(1.0))
    with code.choice(code.load(matters, kind="i1")) as (yes, no):
        with yes:
            _near(f, places)
            rests = code.apply("ge", code.load(places.missed), number(AT_REST))
            half = code.apply("mul", number(0.5), code.larger(code.load(places.edge), number(LEAST)))
            code.store(code.select(rests, half, code.load(places.end)), possible)
        with no:
            unseen = code.value(f"xor i1 {code.load(seen, kind='i1')}, true")
            with code.when(unseen):
                _look_at_nodes(f, possible)
    f.end(code.load(possible))


def _look(f: StepFunction, j: str, look: str, places: _Places, seen: str, matters: str) -> None:
    """One look further on, number `j`: what is missed up to there. The flags say whether a condition was another, and
    whether that matters."""
    code = f.code
    before = code.load(places.end)
    code.store(look, places.end)
    f.call("kink_look", look)
    changed = f.call("kink_changed", look, "i1")
    keep_compared(f, j)
    with code.when(changed):
        with code.when(code.value(f"xor i1 {code.load(seen, kind='i1')}, true")):
            _bracket(f, before, look, places)
        code.store("true", seen, kind="i1")
        _miss(f, places)
        code.store(code.apply("gt", code.load(places.missed), code.number(MISSED)), matters, kind="i1")


def _bracket(f: StepFunction, before: str, look: str, places: _Places) -> None:
    """Halves the part of the step in which a condition changes first."""
    code = f.code
    code.store(before, places.low)
    code.store(look, places.edge)
    with code.loop(NEARER):
        middle = code.apply("add", code.load(places.low), code.load(places.edge))
        middle = code.apply("mul", code.number(0.5), middle)
        f.call("kink_look", middle)
        with code.choice(f.call("kink_changed", middle, "i1")) as (yes, no):
            with yes:
                code.store(middle, places.edge)
            with no:
                code.store(middle, places.low)


def _miss(f: StepFunction, places: _Places) -> None:
    """Evaluates the piece from the kink to `end`."""
    end = f.code.load(places.end)
    f.call("kink_look", end)
    f.code.store(_missing(f, end, f.code.apply("sub", end, f.code.load(places.low))), places.missed)


def _look_between(f: StepFunction, places: _Places, matters: str) -> None:
    """Looks at the first point between where a condition may be another."""
    code, number = f.code, f.code.number
    look = touch_between(f)
    with code.when(code.apply("lt", look, number(1.0))):
        f.call("kink_look", look)
        with code.when(f.call("kink_changed", look, "i1")):
            _bracket(f, code.apply("sub", look, number(1 / BETWEEN)), look, places)
            code.store(look, places.end)
            _miss(f, places)
            code.store(code.apply("gt", code.load(places.missed), number(MISSED)), matters, kind="i1")


def _look_at_nodes(f: StepFunction, possible: str) -> None:
    """Half a step is `possible` where a condition is another one at the time of a stage, and that matters: pulses in
    time are seen from there, too."""
    code, number = f.code, f.code.number
    places = nodes(f.model.tableau)
    listed = code.module.constants(np.asarray(places))
    with code.loop(len(places)) as i:
        look = code.load(listed, i)
        f.call("kink_look", look)
        with code.when(f.call("kink_changed", look, "i1")):
            seen = code.apply("mul", number(WEIGHT), _missing(f, look, number(1.0)))
            with code.when(code.apply("gt", seen, number(MISSED))):
                code.store(number(0.5), possible)


def _near(f: StepFunction, places: _Places) -> None:
    """Moves `end` to where no more is missed than may be, a little behind the kink."""
    code, number = f.code, f.code.number
    count = code.variable("double", number(0.0))
    with code.forever() as nearing:
        missed = code.load(places.missed)
        code.leave(nearing, code.apply("not", code.apply("gt", missed, number(MISSED))))
        code.leave(nearing, code.apply("ge", missed, number(AT_REST)))
        code.leave(nearing, code.apply("ge", code.load(count), number(NEARINGS)))
        low, end = code.load(places.low), code.load(places.end)
        with code.when(code.apply("le", end, code.load(places.edge))):
            _bracket(f, low, end, places)
        low = code.load(places.low)
        part = code.larger(code.apply("div", number(0.5 * MISSED), missed), number(NEAREST))
        nearer = code.apply("add", low, code.apply("mul", part, code.apply("sub", end, low)))
        code.store(code.larger(nearer, code.load(places.edge)), places.end)
        _miss(f, places)
        code.store(code.apply("add", code.load(count), number(1.0)), count)
