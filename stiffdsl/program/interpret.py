"""The reference: a function of a program, operation by operation over NumPy."""

from typing import Any

import numpy as np

from stiffdsl.program.lookups import fetched, located, scattered
from stiffdsl.program.matrices import matmul, outer
from stiffdsl.program.operations import OPERATIONS
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


def values_at(function: Function, tables: dict[str, np.ndarray], given: dict[str, Any]) -> list[Any]:
    """The values of all operations of a function for `given` arguments."""
    values: list[Any] = []
    with np.errstate(all="ignore"):
        for op in function.ops:
            inputs = [values[a] for a in op.args]
            match op.name:
                case "input":
                    value = np.asarray(given[op.data], dtype=float)
                case "number" | "flag":
                    value = op.data
                case "table":
                    value = tables[op.data]
                case "element":
                    value = inputs[0][op.data]
                case "slice":
                    start, stop, step = op.data
                    value = inputs[0][start:stop:step]
                case "take":
                    value = inputs[0][tables[op.data]]
                case "take_sum":
                    value = inputs[0][tables[op.data]].sum(axis=-1)
                case "sum":
                    value = inputs[0].sum(keepdims=True)
                case "full":
                    value = np.full(op.size or 0, inputs[0])
                case "stack":
                    value = np.array(inputs)
                case "place":
                    value = inputs[0].copy()
                    value[op.data : op.data + len(inputs[1])] = inputs[1]
                case "concatenate":
                    value = np.concatenate(inputs)
                case "locate":
                    first, count = op.data
                    value = located(inputs[0][first : first + count], inputs[1])
                case "fetch":
                    value = fetched(*inputs, *op.data)
                case "scatter":
                    value = scattered(*inputs, op.size or 0, *op.data)  # type: ignore[call-arg]
                case "matmul":
                    value = matmul(*inputs, *op.data)  # type: ignore[call-arg]
                case "outer":
                    value = outer(*inputs, *op.data)  # type: ignore[call-arg]
                case name:
                    value = OPERATIONS[name].meaning(*(np.asarray(a) for a in inputs))
            values.append(value)
    return values
