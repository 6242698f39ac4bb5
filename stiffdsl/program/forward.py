"""Derivatives of the functions of a program as functions of their own, forward: by time, and along a direction."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from stiffdsl.program.operations import FLAT, partial_of
from stiffdsl.program.ops import Builder, ConstantTables, Op, divided_by
from stiffdsl.program.program import Function

CONSTANT = ("number", "flag", "table")
# The derivative of an argument, given the builder and its size.
Seeds = Mapping[str, Callable[[Builder, int | None], int]]


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
    forward = _Forward(builder, tables, seeds)
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
        case "locate" | "fetch" | "scatter":
            return b.moved(op, args, tables)
        case name:
            return b.apply(name, *args)


class _Forward:
    """Derivatives of values; None is a derivative that is zero."""

    def __init__(self, builder: Builder, tables: dict[str, np.ndarray], seeds: Seeds):
        self.b, self.tables, self.seeds = builder, tables, seeds

    def whole(self, tangent: int | None, size: int) -> int:
        """A derivative as a vector."""
        return self.b.full(self.b.number(0.0) if tangent is None else tangent, size)

    def tangent(
        self,
        op: Op,
        divisor: bool,
        value: int,
        args: tuple[int, ...],
        values: list[int],
        tangents: list[int | None],
    ) -> int | None:
        b = self.b
        if op.name == "input":
            return self.seeds[op.data](b, op.size) if op.data in self.seeds else None
        if op.name in CONSTANT or op.name in FLAT or all(tangents[a] is None for a in args):
            return None
        if op.name == "fetch" and tangents[args[0]] is None:
            return None
        if op.name == "stack":
            return b.stack([self._or_zero(tangents[a]) for a in args])
        if op.name == "place":
            parts = tuple(self.whole(tangents[a], b.size(values[a])) for a in args)
            return b.put("place", parts, op.data, op.size)
        if op.name == "concatenate":
            return b.concatenate([self.whole(tangents[a], b.size(values[a])) for a in args])
        if op.name in ("element", "slice", "take", "take_sum", "sum", "full"):
            inner = tangents[args[0]]
            size = b.ops[values[args[0]]].size
            assert inner is not None
            return b.moved(op, [inner if size is None else self.whole(inner, size)], self.tables)
        if op.name == "fetch":
            moving = self.whole(tangents[args[0]], b.size(values[args[0]]))
            return b.looked_up("fetch", moving, values[args[1]], op.data)
        if op.name == "scatter":
            return b.put("scatter", (values[args[0]], self._or_zero(tangents[args[1]])), op.data, op.size)
        return self._chain(op.name, divisor, value, [values[a] for a in args], [tangents[a] for a in args])

    def _or_zero(self, tangent: int | None) -> int:
        return self.b.number(0.0) if tangent is None else tangent

    def _chain(
        self, name: str, divisor: bool, value: int, args: list[int], tangents: list[int | None]
    ) -> int | None:
        """The chain rule for an elementwise operation."""
        apply = self.b.apply
        if name == "select":
            return apply("select", args[0], self._or_zero(tangents[1]), self._or_zero(tangents[2]))
        total = None
        for k, tangent in enumerate(tangents):
            if tangent is not None:
                term = partial_of(name, divisor)(self.b, k, value, args, tangent)
                total = term if total is None else apply("add", total, term)
        return total
