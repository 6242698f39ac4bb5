"""Functions of time at many times at once, by NumPy."""

from typing import Any

import numpy as np

from stiffdsl.program.lookups import fetched, located
from stiffdsl.program.matrices import matmul, outer
from stiffdsl.program.operations import OPERATIONS
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function


def at_times(
    function: Function,
    tables: dict[str, np.ndarray],
    t: np.ndarray,
    p: np.ndarray,
    u: Any = None,
    c: Any = None,
) -> np.ndarray:
    """The values of a function of time at the times t, by NumPy: (times, values). `c`: the clocks at these times,
    (times, clocks)."""
    given = {"t": t, "p": p, "u": u, "c": c}
    values: list[Any] = []
    # Values that change with time have a leading axis for it.
    timed: list[bool] = []
    for op in function.ops:
        moves = any(timed[a] for a in op.args) or (op.name == "input" and op.data in ("t", "c"))
        values.append(_value(op, values, timed, function, tables, given))
        timed.append(moves)
    return np.asarray(values[-1], dtype=float)


def _value(op: Op, values: list[Any], timed: list[bool], function: Function, tables, given) -> Any:
    inputs = [values[a] for a in op.args]
    match op.name:
        case "input":
            return given[op.data]
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
            rows = (len(given["t"]),) if any(timed[a] for a in op.args) else ()
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
        case "matmul" | "outer":
            multiply = matmul if op.name == "matmul" else outer
            rows = len(given["t"]) if any(timed[a] for a in op.args) else 0
            if not rows:
                return multiply(*inputs, *op.data)
            pairs = [
                [v[k] if timed[a] else v for a, v in zip(op.args, inputs, strict=True)] for k in range(rows)
            ]
            return np.stack([multiply(*pair, *op.data) for pair in pairs])
    # Numbers that change with time go with vectors entry by entry.
    numbers = [function.ops[a].size is None for a in op.args]
    if not all(numbers):
        pairs = zip(op.args, inputs, numbers, strict=True)
        inputs = [np.asarray(v)[:, None] if timed[a] and alone else v for a, v, alone in pairs]
    return OPERATIONS[op.name].meaning(*(np.asarray(v) for v in inputs))
