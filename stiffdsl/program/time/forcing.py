"""Forcing: what of a model's equations depends on time and parameters alone, and may be narrow.

A step looks at the equations at a few times. What moves only for a while, and depends on nothing that is solved for,
may lie between them: it is looked at before a solve. That `sin(w*time)`, polynomials and `exp(-time/tau)` move is
seen at any time; powers, quotients, `exp` of a square and all that has branches may be still for long. Where
conditions compare it with unknowns (`relations.py`), what moves without rest counts too: they may be true for a
while. Clocks (`dependence.py`) are functions of time as well.

    der(y) = exp(-((time - 3)/0.5)^2)*y + sin(time)        exp(-((t - 3)/0.5)^2); a peak of -((t - 3)/0.5)^2

Conditions of events count as equations do, and what they compare moves without rest.

What is narrower than the times that are looked at shows in what it is made of: an exponential at the maximum of its
exponent, a quotient where its divisor is least, `tanh`, `abs` and conditions where their argument is zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stiffdsl.program.operations import ORDERED
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function, Program
from stiffdsl.program.relations import RELATIONS
from stiffdsl.program.time.dependence import (
    CONSTANT,
    LINE,
    MOVED,
    NARROW,
    OTHER,
    RESTLESS,
    clocks_of,
    dependences,
    entries_read,
)

_CHOICES = (*ORDERED, "eq", "ne", "and", "or", "not", "select", "min", "max")
_STEEP = ("tanh", "cosh", "sinh", "atan", "abs", "asinh")


@dataclass(frozen=True, eq=False)
class Forcing:
    """`function(t, p, u, c)`: a vector of what may be narrow, then of what tells where, each by one of `signs`.

    Signs are the maximum of an exponent (`peak`), an extremum of a divisor or of what is compared (`least`), the zero
    of an argument, about which a function moves within some units of it (`zero`), or jumps (`jump`). `u` are inputs
    that do not change, `c` the entries `clocks` of y, whose slopes are `slopes(t, p, u, c)`.
    """

    function: Function
    signs: np.ndarray
    clocks: np.ndarray
    slopes: Function | None
    tables: dict[str, np.ndarray]


def forcing(program: Program, driven: Sequence[int] = ()) -> Forcing | None:
    """The forcing of f where the inputs `driven` change; None where there is none."""
    still = np.ones(sum(block.size for block in program.system.flat.inputs), dtype=bool)
    still[list(driven)] = False
    clocks, slope_of, place = clocks_of(program, still)
    if not program.time_dependent and not np.any(clocks):
        return None
    ops, results = _equations(program)
    kinds = _but_choices(ops, dependences(ops, program.tables, clocks, still), results[0] + 1)
    used = {a for op, kind in zip(ops, kinds, strict=True) if kind == OTHER for a in op.args}
    compared = _compared(ops[: results[0] + 1], kinds, bool(np.all(program.mass)))
    compared |= set(range(results[0] + 1, len(ops)))
    shown = {
        _source(ops, kinds, k)
        for k in sorted({*used, *results})
        if kinds[k] == NARROW or (kinds[k] == RESTLESS and k in compared)
    }
    found = [(k,) for k in sorted(shown)]
    if not found:
        return None
    told = _told(ops, kinds)
    extract = _Extract(ops, program.tables, clocks, [*found, *(values for values, _ in told)])
    sizes = [max((ops[k].size or 1 for k in values), default=1) for values, _ in told]
    return Forcing(
        extract.function([*found, *(values for values, _ in told)]),
        np.repeat(np.array([sign for _, sign in told], dtype=str), sizes),
        extract.clocks,
        extract.slopes(slope_of, place) if len(extract.clocks) else None,
        extract.tables,
    )


@dataclass(frozen=True, eq=False)
class TimedTables:
    """Tables whose arguments are straight lines over time: `arguments` is their function, in the form of a `Forcing`,
    and `entries` tells the table and the argument's place of each."""

    arguments: Forcing
    entries: np.ndarray


def timed_tables(program: Program, driven: Sequence[int] = ()) -> TimedTables | None:
    """The tables of time in equations and conditions where the inputs `driven` change; None where there are none."""
    flat = program.system.flat
    if not flat.tables:
        return None
    still = np.ones(sum(block.size for block in flat.inputs), dtype=bool)
    still[list(driven)] = False
    clocks, slope_of, place = clocks_of(program, still)
    ops, _ = _equations(program)
    kinds = dependences(ops, program.tables, clocks, still)
    places = {b.offset: (k, axis) for k, t in enumerate(flat.tables) for axis, b in enumerate(t.knots)}
    found: dict[int, tuple[int, int]] = {}
    for op in ops:
        if op.name == "locate":
            k = op.args[1]
            while ops[k].name == "select":
                k = ops[k].args[2]
            if flat.tables[places[op.data[0]][0]].outside == "repeat" and ops[k].name == "sub":
                k = ops[k].args[0]
            if kinds[k] == LINE:
                found[k] = places[op.data[0]]
    if not found:
        return None
    extract = _Extract(ops, program.tables, clocks, [(k,) for k in found])
    slopes = extract.slopes(slope_of, place) if len(extract.clocks) else None
    function = extract.function([(k,) for k in found])
    arguments = Forcing(function, np.zeros(0, dtype=str), extract.clocks, slopes, extract.tables)
    entries = np.repeat(np.array(list(found.values())), [ops[k].size or 1 for k in found], axis=0)
    return TimedTables(arguments, entries)


def _equations(program: Program) -> tuple[list[Op], list[int]]:
    """The operations of f, then those of the conditions of events, where there are any; and their results."""
    ops = list(program.by_name["rhs"].ops)
    results = [len(ops) - 1]
    if program.events.count:
        first = len(ops)
        guards = program.by_name["guards"].ops
        ops += [replace(op, args=tuple(first + a for a in op.args)) for op in guards]
        results.append(len(ops) - 1)
    return ops, results


def _but_choices(ops: Sequence[Op], kinds: list[int], first: int) -> list[int]:
    """The dependences of operations, where from `first` on what is chosen by conditions counts as depending on other
    things: it is what is compared that may move unseen, and steps that end where a condition changes do not help."""
    kinds = list(kinds)
    for k in range(first, len(ops)):
        if ops[k].name in _CHOICES or any(a >= first and kinds[a] == OTHER for a in ops[k].args):
            kinds[k] = OTHER
    return kinds


def _compared(ops: Sequence[Op], kinds: list[int], explicit: bool) -> set[int]:
    """Operations that conditions on unknowns, and exponentials of unknowns, depend on, themselves included. Algebraic
    unknowns follow functions of time at once, whichever equations these are in: there all operations count."""
    names = (*RELATIONS, "exp")
    found = [k for k, op in enumerate(ops) if kinds[k] == OTHER and op.name in names]
    return set(range(len(ops))) if found and not explicit else _needed(ops, found)


def _source(ops: Sequence[Op], kinds: list[int], k: int) -> int:
    """Operation that operation k is proportional to, and that has no more entries."""
    best, here = k, k
    while ops[here].name in (*MOVED, "mul", "div"):
        moving = [a for a in ops[here].args if kinds[a] != CONSTANT]
        if len(moving) != 1:
            break
        here = moving[0]
        best = here if (ops[here].size or 1) <= (ops[best].size or 1) else best
    return best


def _told(ops: Sequence[Op], kinds: list[int]) -> list[tuple[tuple[int, ...], str]]:
    """Indicators of where functions of time are narrow: operations, or differences of two, each with its sign."""
    found: dict[tuple[tuple[int, ...], str], None] = {}
    for op, kind in zip(ops, kinds, strict=True):
        if kind not in (RESTLESS, NARROW):
            continue
        moves = max((kinds[a] for a in op.args), default=CONSTANT)
        match op.name:
            case "exp" if moves > LINE:
                found[op.args, "peak"] = None
            case "div" if kinds[op.args[1]] > LINE:
                found[op.args[1:], "least"] = None
            case "pow" if moves > LINE:
                found[op.args[:1], "least"] = None
            case name if name in ORDERED:
                found[op.args, "jump"] = None
                if moves > LINE:
                    found[op.args, "least"] = None
            case name if name in _STEEP:
                found[op.args, "zero"] = None
    return list(found)


def _needed(ops: Sequence[Op], of: Sequence[int]) -> set[int]:
    """The operations that values need, themselves included."""
    needed: set[int] = set()
    waiting = list(of)
    while waiting:
        k = waiting.pop()
        if k not in needed:
            needed.add(k)
            waiting += ops[k].args
    return needed


class _Extract:
    """Parts of f as functions of time: clocks are read from `c`, which holds those that `wanted` values need."""

    def __init__(
        self,
        ops: Sequence[Op],
        tables: dict[str, np.ndarray],
        clocks: np.ndarray,
        wanted: Sequence[tuple[int, ...]],
    ):
        self.ops, self.tables = ops, dict(tables)
        needed = _needed(ops, [k for values in wanted for k in values])
        read = [entries_read("y", ops[k], ops, tables) for k in sorted(needed)]
        used = [np.ravel(entries) for entries in read if entries is not None]
        self.clocks = np.unique(np.concatenate([np.zeros(0, dtype=int), *used]))
        self._place = np.cumsum(np.isin(np.arange(len(clocks)), self.clocks)) - 1

    def function(self, wanted: Sequence[tuple[int, ...]]) -> Function:
        """The values `wanted`, end to end: each an operation, or the difference of two."""
        kept, at = self._operations([k for values in wanted for k in values])
        parts: list[int] = []
        for values in wanted:
            place = at[values[0]]
            if len(values) == 2:
                size = max((s for k in values if (s := self.ops[k].size) is not None), default=None)
                kept.append(Op("sub", (at[values[0]], at[values[1]]), None, size))
                place = len(kept) - 1
            parts.append(self._as_vector(kept, place))
        return _function("forcing", kept, parts, "What depends on time and parameters alone.")

    def slopes(self, operation: np.ndarray, place: np.ndarray) -> Function:
        """The slopes of the clocks, from where f has each."""
        operation, place = operation[self.clocks], place[self.clocks]
        sources = np.unique(operation)
        kept, at = self._operations(sources.tolist())
        parts, order = [], []
        for k in sources.tolist():
            own = np.flatnonzero(operation == k)
            parts.append(self._picked(kept, self._as_vector(kept, at[k]), place[own]))
            order.append(own)
        kept.append(Op("concatenate", tuple(parts), None, len(operation)))
        parts = [self._picked(kept, len(kept) - 1, np.argsort(np.concatenate(order)))]
        return _function("slopes", kept, parts, "The slopes of clocks.")

    def _operations(self, of: Sequence[int]) -> tuple[list[Op], dict[int, int]]:
        """The operations that values need, and the new place of each."""
        kept = [Op("input", (), "t")]
        at: dict[int, int] = {}
        for k in sorted(_needed(self.ops, of)):
            op = self.ops[k]
            read = entries_read("y", op, self.ops, self.tables)
            source = self.ops[op.args[0]] if op.args else op
            if op.name == "input" and op.data in ("t", "y", "side"):
                at[k] = 0
                continue
            if source.name == "input" and source.data == "side":
                at[k] = 0
                if op.size is not None:
                    kept.append(Op("full", (0,), None, op.size))
                    at[k] = len(kept) - 1
                continue
            if read is not None:
                at[k] = self._clocks_read(kept, op, read)
                continue
            kept.append(Op(op.name, tuple(at[a] for a in op.args), op.data, op.size))
            at[k] = len(kept) - 1
        return kept, at

    def _clocks_read(self, kept: list[Op], op: Op, read: np.ndarray) -> int:
        kept.append(Op("input", (), "c", len(self.clocks)))
        source, place = len(kept) - 1, self._place[read]
        if op.name == "element":
            kept.append(Op("element", (source,), int(place[0])))
            return len(kept) - 1
        return self._picked(kept, source, place, "take_sum" if op.name == "take_sum" else "take")

    def _picked(self, kept: list[Op], source: int, place: np.ndarray, name: str = "take") -> int:
        table = f"places_{len(self.tables)}"
        self.tables[table] = place
        kept.append(Op(name, (source,), table, len(place)))
        return len(kept) - 1

    def _as_vector(self, kept: list[Op], k: int) -> int:
        if kept[k].size is not None:
            return k
        kept.append(Op("stack", (k,), None, 1))
        return len(kept) - 1


def _function(name: str, kept: list[Op], parts: list[int], doc: str) -> Function:
    total = sum(kept[part].size or 0 for part in parts)
    ops = (*kept, Op("concatenate", tuple(parts), None, total))
    return Function(name, ("t", "p", "u", "c"), doc, ops)
