"""Derivatives of the functions of a program as functions of their own, forward: by time, and along a direction."""

from collections.abc import Sequence

import numpy as np

from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.derivatives.tangents import Seeds, Tangents
from stiffdsl.program.ops import Op, divided_by
from stiffdsl.program.program import Function


def time_derivative(
    function: Function, tables: dict[str, np.ndarray]
) -> tuple[Function, dict[str, np.ndarray]] | None:
    """`rhs_t(t, y, p, u, u_t)` for `rhs(t, y, p, u)`, and its tables; None where nothing changes with time."""
    seeds: Seeds = {"t": lambda b, size: b.number(1.0), "u": lambda b, size: b.input("u_t", size)}
    doc = "The derivative of f by time, at constant y."
    return _derived(function, tables, seeds, "rhs_t", ("u_t",), doc)


def directional(
    function: Function, tables: dict[str, np.ndarray], moving: Sequence[str], figures: bool = True
) -> tuple[Function, dict[str, np.ndarray]] | None:
    """`f_dot(…, y_dot, p_dot, …)`: the derivative of `function` where the arguments `moving` change at those rates, and
    its tables; None where it does not depend on them. Without `figures`, those of tables that are looked into are held.
    """
    seeds: Seeds = {name: lambda b, size, name=name: b.input(f"{name}_dot", size) for name in moving}
    added = tuple(f"{name}_dot" for name in moving)
    doc = f"The derivative of {function.name} along a direction."
    return _derived(function, tables, seeds, f"{function.name}_dot", added, doc, figures)


def _derived(
    function: Function,
    tables: dict[str, np.ndarray],
    seeds: Seeds,
    name: str,
    added: tuple[str, ...],
    doc: str,
    figures: bool = True,
) -> tuple[Function, dict[str, np.ndarray]] | None:
    builder = Builder(ConstantTables())
    forward = Tangents(builder, tables, seeds)
    values: list[int] = []
    tangents: list[int | None] = []
    bounded = divided_by(function.ops)
    for k, op in enumerate(function.ops):
        value = copied(builder, tables, op, [values[a] for a in op.args])
        values.append(value)
        if op.name == "fetch" and not figures:
            tangents.append(None)
            continue
        tangents.append(forward.tangent(op, k in bounded, value, op.args, values, tangents))
    result = tangents[-1]
    if result is None:
        return None
    size = function.ops[-1].size
    assert size is not None, "the result is a vector"
    ops, *_ = builder.needed(forward.whole(result, size))
    return Function(name, (*function.arguments, *added), doc, ops), builder.tables.arrays


def copied(b: Builder, tables: dict[str, np.ndarray], op: Op, args: list[int]) -> int:
    """`op`, whose tables are `tables`, in another builder."""
    match op.name:
        case "input" | "flag":
            return b.put(op.name, (), op.data, op.size)
        case "number":
            return b.number(op.data)
        case "table":
            return b.put("table", (), b.tables.name(tables[op.data]), op.size)
        case "element" | "slice" | "take" | "take_sum" | "sum" | "full" | "stack" | "concatenate" | "place":
            return b.moved(op, args, tables)
        case "locate" | "fetch" | "scatter" | "matmul" | "outer":
            return b.moved(op, args, tables)
        case name:
            return b.apply(name, *args)
