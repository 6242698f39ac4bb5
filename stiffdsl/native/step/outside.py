"""Arguments of tables that refuse what lies outside, looked at where steps end (as `solve/integrate/loop.py`): a solve
ends with the first step at whose end one does."""

from dataclasses import dataclass

import numpy as np

from stiffdsl.native.functions.emission import emit_function
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.ir.registers import RegisterNamespace
from stiffdsl.program.outside import NEAR, excess, knots_at_ends
from stiffdsl.program.program import Function, Program

_ARGUMENTS = (
    ("double", "t"),
    *(("ptr", name) for name in ("y", "p", "u", "values", "scratch")),
    ("double", "rtol"),
)


@dataclass(frozen=True, eq=False)
class Bounds:
    """`lookups(t, y, p, u)`, the watched arguments, and where the first and the last knot of each table are in p."""

    lookups: Function
    tables: dict[str, np.ndarray]
    first: np.ndarray
    last: np.ndarray

    @property
    def count(self) -> int:
        return len(self.first)


def bounds_of(program: Program) -> Bounds | None:
    """The watched arguments of a model, if there are any."""
    if not len(program.watched):
        return None
    return Bounds(program.by_name["lookups"], program.tables, *knots_at_ends(program))


def emit_outside(module: IRModule, bounds: Bounds | None) -> int:
    """`outside(t, y, p, u, values, scratch, rtol) -> i1`: whether an argument lies outside. Returns the doubles of
    scratch it needs."""
    if bounds is None:
        return 0
    needed = emit_function(module, bounds.lookups, bounds.tables)
    code = Code(module, "outside", _ARGUMENTS, "i1")
    pointers = ("%y", "%p", "%u", "%values", "%scratch")
    code.call("lookups", "double %t", *(f"ptr {p}" for p in pointers))
    first, last = (module.constants(a.astype(np.int32)) for a in (bounds.first, bounds.last))
    allowed = code.larger("%rtol", code.number(NEAR))
    left = code.variable("i1", "false")
    with code.loop(bounds.count) as k:
        low, high = (code.load("%p", code.index(places, k)) for places in (first, last))
        xp = RegisterNamespace(code)
        value, first_knot, last_knot = xp.of(code.load("%values", k), low, high)
        beyond = excess(value, first_knot, last_knot, xp).text
        found = code.apply("or", code.load(left, kind="i1"), code.apply("gt", beyond, allowed))
        code.store(found, left, kind="i1")
    code.put(f"ret i1 {code.load(left, kind='i1')}")
    code.finish()
    return needed
