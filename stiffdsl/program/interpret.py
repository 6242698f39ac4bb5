"""The reference: a function of a program, operation by operation over NumPy; at many times at once where that is asked.

Arguments with a value for each time lead with an axis for it, and so do the operations that follow from them.
"""

from collections.abc import Collection
from typing import Any

import numpy as np

from stiffdsl.program.lookups import fetched, located, scattered
from stiffdsl.program.matrices import matmul, outer
from stiffdsl.program.operations import OPERATIONS
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function, Program


def run(program: Program, function: str, *args: Any) -> np.ndarray:
    """The value of `function` at `args`; last arguments `t` (it is 0) and `side` (all are t) may be left out."""
    return np.asarray(values_of(program, function, *args)[-1])


def values_of(program: Program, function: str, *args: Any) -> list[Any]:
    """The values of all operations of `function`."""
    found = program.by_name[function]
    given = dict(zip(found.arguments, args, strict=False))
    if "t" not in given:
        given["t"] = 0.0
    if "side" in found.arguments:
        given.setdefault("side", np.full(len(program.crossings_periodic), given["t"]))
    return values_at(found, program.tables, given)


def at_times(
    function: Function,
    tables: dict[str, np.ndarray],
    t: np.ndarray,
    p: np.ndarray,
    u: Any = None,
    c: Any = None,
) -> np.ndarray:
    """The values of a function of time at the times t: (times, values). `c`: the clocks at these times, (times,
    clocks)."""
    found = values_at(function, tables, {"t": t, "p": p, "u": u, "c": c}, timed=("t", "c"))
    return np.asarray(found[-1], dtype=float)


def values_at(
    function: Function, tables: dict[str, np.ndarray], given: dict[str, Any], timed: Collection[str] = ()
) -> list[Any]:
    """The values of all operations of a function for `given` arguments, those `timed` with an axis of times."""
    values: list[Any] = []
    moves: list[bool] = []
    with np.errstate(all="ignore"):
        for op in function.ops:
            inputs, moving = [values[a] for a in op.args], [moves[a] for a in op.args]
            if op.name == "input":
                values.append(np.asarray(given[op.data], dtype=float))
                moves.append(op.data in timed)
                continue
            numbers = [function.ops[a].size is None for a in op.args]
            values.append(_value(op, inputs, moving, numbers, tables))
            moves.append(any(moving))
    return values


def _value(
    op: Op, inputs: list[Any], moving: list[bool], numbers: list[bool], tables: dict[str, np.ndarray]
) -> Any:
    """The value of an operation; `moving` says which inputs lead with times, `numbers` which are no vectors."""
    match op.name:
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
            rows = np.broadcast_shapes(*(np.shape(v)[:-1] for v in inputs))
            return np.concatenate([np.broadcast_to(v, (*rows, np.shape(v)[-1])) for v in inputs], axis=-1)
        case "place":
            rows = np.broadcast_shapes(inputs[0].shape[:-1], inputs[1].shape[:-1])
            whole = np.array(np.broadcast_to(inputs[0], (*rows, inputs[0].shape[-1])))
            whole[..., op.data : op.data + inputs[1].shape[-1]] = inputs[1]
            return whole
        case "locate":
            first, count = op.data
            return located(inputs[0][first : first + count], inputs[1])
        case "fetch":
            return fetched(*inputs, *op.data)
        case "scatter":
            return _each(moving, inputs, lambda k, v: scattered(k, v, op.size or 0, *op.data))
        case "matmul" | "outer":
            multiply = matmul if op.name == "matmul" else outer
            return _each(moving, inputs, lambda a, b: multiply(a, b, *op.data))
    if any(moving) and not all(numbers):
        # Numbers that change with time go with vectors entry by entry.
        pairs = zip(inputs, moving, numbers, strict=True)
        inputs = [np.asarray(v)[:, None] if moves and alone else v for v, moves, alone in pairs]
    return OPERATIONS[op.name].meaning(*(np.asarray(v) for v in inputs))


def _each(moving: list[bool], inputs: list[Any], of: Any) -> Any:
    """An operation of two vectors, time after time where one of them moves."""
    if not any(moving):
        return of(*inputs)
    times = len(inputs[moving.index(True)])
    pairs = ([v[k] if m else v for v, m in zip(inputs, moving, strict=True)] for k in range(times))
    return np.stack([of(*pair) for pair in pairs])
