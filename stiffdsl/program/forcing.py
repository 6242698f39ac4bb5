"""Forcing: what of a model's equations depends on time and parameters alone, and may be narrow.

A step looks at the equations at a few times. What moves only for a while, and depends on nothing that is solved for,
may lie between them: it is looked at before a solve. That `sin(w*time)`, polynomials and `exp(-time/tau)` move is
seen at any time; powers, quotients, `exp` of a square and all that has branches may be still for long. Where
conditions compare it with unknowns (`relations.py`), what moves without rest counts too: they may be true for a
while.

    der(y) = exp(-((time - 3)/0.5)^2)*y + sin(time)        forcing(t, p) = [exp(-((t - 3)/0.5)^2)]
"""

from typing import Any

import numpy as np

from stiffdsl.program.operations import OPERATIONS
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function, Program
from stiffdsl.program.relations import RELATIONS

# Dependence of a value on time: none, a line, without rest, possibly with rests, or on other things too.
CONSTANT, LINE, RESTLESS, NARROW, OTHER = range(5)
_MOVED = (
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


def forcing(program: Program) -> Function | None:
    """`forcing(t, p)`: a vector of all such values of f; None where there are none."""
    ops = program.by_name["rhs"].ops
    kinds = _kinds(ops)
    used = {a for op, kind in zip(ops, kinds, strict=True) if kind == OTHER for a in op.args}
    compared = _compared(ops, kinds)
    found = [
        k
        for k in sorted({*used, len(ops) - 1})
        if kinds[k] == NARROW or (kinds[k] == RESTLESS and k in compared)
    ]
    return _function(ops, found) if found else None


def exponents(program: Program) -> Function | None:
    """`exponents(t, p)`: the arguments of exponentials that depend on time and parameters alone and may have maxima;
    None where there are none. Such a pulse is as narrow as its exponent is bent there."""
    ops = program.by_name["rhs"].ops
    kinds = _kinds(ops)
    bent = {op.args[0] for op in ops if op.name == "exp" and kinds[op.args[0]] in (RESTLESS, NARROW)}
    return _function(ops, sorted(bent)) if bent else None


def _kinds(ops: tuple[Op, ...]) -> list[int]:
    """The dependence on time of every operation."""
    kinds: list[int] = []
    for op in ops:
        kinds.append(_kind(op, [kinds[a] for a in op.args], ops))
    return kinds


def _kind(op: Op, args: list[int], ops: tuple[Op, ...]) -> int:
    most = max(args, default=CONSTANT)
    match op.name:
        case "input":
            return {"t": LINE, "p": CONSTANT}.get(op.data, OTHER)
        case _ if most in (CONSTANT, OTHER) or op.name in _MOVED:
            return most
        case "mul":
            return most if min(args) == CONSTANT else max(most, RESTLESS)
        case "div" if args[1] == CONSTANT:
            return most
        case "sin" | "cos" | "exp" if most == LINE:
            return RESTLESS
        case "pow" if most <= RESTLESS and _small(ops[op.args[1]]):
            return RESTLESS
    return NARROW


def _compared(ops: tuple[Op, ...], kinds: list[int]) -> set[int]:
    """Operations that conditions on unknowns, and exponentials of unknowns, depend on, themselves included."""
    names = (*RELATIONS, "exp")
    waiting = [k for k, op in enumerate(ops) if kinds[k] == OTHER and op.name in names]
    found: set[int] = set()
    while waiting:
        k = waiting.pop()
        if k not in found:
            found.add(k)
            waiting += ops[k].args
    return found


def _small(exponent: Op) -> bool:
    return exponent.name == "number" and exponent.data in (2.0, 3.0, 4.0)


def _function(ops: tuple[Op, ...], found: list[int]) -> Function:
    """The operations that the values need, which are joined at last."""
    needed: set[int] = set()
    waiting = list(found)
    while waiting:
        k = waiting.pop()
        if k not in needed:
            needed.add(k)
            waiting += ops[k].args
    place = {k: i for i, k in enumerate(sorted(needed))}
    kept = [Op(op.name, tuple(place[a] for a in op.args), op.data, op.size) for op in (ops[k] for k in place)]
    parts: list[int] = []
    for k in found:
        size = ops[k].size
        if size is None:
            kept.append(Op("stack", (place[k],), None, 1))
        parts.append(len(kept) - 1 if size is None else place[k])
    total = sum(kept[part].size or 0 for part in parts)
    kept.append(Op("concatenate", tuple(parts), None, total))
    doc = "What f has that depends on time and parameters alone."
    return Function("forcing", ("t", "p"), doc, tuple(kept))


def at_times(function: Function, tables: dict[str, np.ndarray], t: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The values of `forcing` at the times t, by NumPy: (times, values)."""
    values: list[Any] = []
    # Values that change with time have a leading axis for it.
    timed: list[bool] = []
    for op in function.ops:
        moves = any(timed[a] for a in op.args) or (op.name == "input" and op.data == "t")
        values.append(_value(op, values, timed, function, tables, t, p))
        timed.append(moves)
    return np.asarray(values[-1], dtype=float)


def _value(op: Op, values: list[Any], timed: list[bool], function: Function, tables, t, p) -> Any:
    inputs = [values[a] for a in op.args]
    match op.name:
        case "input":
            return t if op.data == "t" else p
        case "number" | "flag":
            return op.data
        case "table":
            return tables[op.data]
        case "element":
            return inputs[0][..., op.data]
        case "slice":
            start, stop, step = op.data
            return inputs[0][..., start:stop:step]
        case "take":
            return inputs[0][..., tables[op.data]]
        case "take_sum":
            return inputs[0][..., tables[op.data]].sum(axis=-1)
        case "sum":
            return inputs[0].sum(axis=-1, keepdims=True)
        case "full":
            return np.repeat(np.asarray(inputs[0])[..., None], op.size or 0, axis=-1)
        case "stack":
            return np.stack(np.broadcast_arrays(*inputs), axis=-1)
        case "concatenate":
            rows = (len(t),) if any(timed[a] for a in op.args) else ()
            return np.concatenate([np.broadcast_to(v, (*rows, np.shape(v)[-1])) for v in inputs], axis=-1)
        case "place":
            rows = np.broadcast_shapes(inputs[0].shape[:-1], inputs[1].shape[:-1])
            whole = np.array(np.broadcast_to(inputs[0], (*rows, inputs[0].shape[-1])))
            whole[..., op.data : op.data + inputs[1].shape[-1]] = inputs[1]
            return whole
    # Numbers that change with time go with vectors entry by entry.
    numbers = [function.ops[a].size is None for a in op.args]
    if not all(numbers):
        pairs = zip(op.args, inputs, numbers, strict=True)
        inputs = [np.asarray(v)[:, None] if timed[a] and alone else v for a, v, alone in pairs]
    return OPERATIONS[op.name].meaning(*(np.asarray(v) for v in inputs))
