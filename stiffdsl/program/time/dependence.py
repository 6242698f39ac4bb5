"""Dependence of values on time: of each operation of f, and states that are functions of time.

A state whose slope is a constant of the run is a clock: it is its start and a straight line over time. What depends
on it depends on time, as if it were written with `time`.

    der(c) = 2*k; der(x) = exp(-(c/w)^2)*x        clocks: c; exp(-(c/w)^2) may be narrow
"""

from collections.abc import Sequence

import numpy as np

from stiffdsl.program.ops import Op
from stiffdsl.program.program import Program

# Dependence of a value on time: none, a line, without rest, possibly with rests, or on other things too.
CONSTANT, LINE, RESTLESS, NARROW, OTHER = range(5)
# Conditions on time that steps end at (`time_events.py`) are constant between: so is `side`, at which they are decided.
_INPUTS = {"t": LINE, "p": CONSTANT, "side": CONSTANT}
MOVED = (
    "element",
    "slice",
    "take",
    "take_sum",
    "sum",
    "full",
    "stack",
    "concatenate",
    "place",
    "add",
    "sub",
    "neg",
)


def dependences(
    ops: Sequence[Op], tables: dict[str, np.ndarray], clocks: np.ndarray, still: np.ndarray
) -> list[int]:
    """The dependence on time of every operation; `clocks`: mask of the entries of y that are clocks, `still`: of the
    inputs that do not change."""
    kinds: list[int] = []
    for op in ops:
        kind = None
        for name, known, own in (("y", clocks, LINE), ("u", still, CONSTANT)):
            read = entries_read(name, op, ops, tables)
            if read is not None:
                kind = own if np.all(known[read]) else OTHER
        kinds.append(_of_operation(op, [kinds[a] for a in op.args], ops) if kind is None else kind)
    return kinds


def entries_read(name: str, op: Op, ops: Sequence[Op], tables: dict[str, np.ndarray]) -> np.ndarray | None:
    """The entries of the input `name` (y, u) that an operation picks; None where it picks none."""
    if len(op.args) != 1 or ops[op.args[0]].name != "input" or ops[op.args[0]].data != name:
        return None
    match op.name:
        case "element":
            return np.array([op.data])
        case "slice":
            start, stop, step = op.data
            return np.arange(ops[op.args[0]].size or 0)[start:stop:step]
        case "take" | "take_sum":
            return tables[op.data]
    return None


def _of_operation(op: Op, args: list[int], ops: Sequence[Op]) -> int:
    most = max(args, default=CONSTANT)
    match op.name:
        case "input":
            return _INPUTS.get(op.data, OTHER)
        case _ if most in (CONSTANT, OTHER) or op.name in MOVED:
            return most
        case "mul":
            return most if min(args) == CONSTANT else max(most, RESTLESS)
        case "div" if args[1] == CONSTANT:
            return most
        case "sin" | "cos" | "exp" if most == LINE:
            return RESTLESS
        case "locate" if most == LINE:
            return LINE
        case "fetch" if most == LINE:
            # Steps end where a table of time bends.
            return RESTLESS
        case "pow" if most <= RESTLESS and _small(ops[op.args[1]]):
            return RESTLESS
    return NARROW


def _small(exponent: Op) -> bool:
    return exponent.name == "number" and exponent.data in (2.0, 3.0, 4.0)


def clocks_of(program: Program, still: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mask of the entries of y that are clocks; and where the slope of each entry is: the operation of f, and the
    place in its value."""
    ops = program.by_name["rhs"].ops
    none = np.zeros(program.size, dtype=bool)
    operation, place = _places(ops, program.tables, len(ops) - 1)
    if program.system.invariants:
        return none, operation, place
    constant = np.array(dependences(ops, program.tables, none, still)) == CONSTANT
    found = constant[operation]
    found[len(program.system.states) :] = False
    # What events set goes on from other values.
    found &= ~program.events.assigned
    return found, operation, place


def _places(ops: Sequence[Op], tables: dict[str, np.ndarray], k: int) -> tuple[np.ndarray, np.ndarray]:
    """By entry of operation k: the operation that computed it, and the place of the entry there."""
    op = ops[k]
    match op.name:
        case "stack":
            return np.array(op.args), np.zeros(len(op.args), dtype=int)
        case "full":
            return np.full(op.size or 0, op.args[0]), np.zeros(op.size or 0, dtype=int)
        case "concatenate":
            parts = [_places(ops, tables, a) for a in op.args]
            return np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts])
        case "take":
            operation, place = _places(ops, tables, op.args[0])
            return operation[tables[op.data]], place[tables[op.data]]
        case "slice":
            start, stop, step = op.data
            operation, place = _places(ops, tables, op.args[0])
            return operation[start:stop:step], place[start:stop:step]
        case "place":
            operation, place = (a.copy() for a in _places(ops, tables, op.args[0]))
            inner = _places(ops, tables, op.args[1])
            own = slice(op.data, op.data + len(inner[0]))
            operation[own], place[own] = inner
            return operation, place
    return np.full(op.size or 0, k), np.arange(op.size or 0)
