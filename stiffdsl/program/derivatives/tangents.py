"""Rules of derivatives along a direction, operation by operation."""

from collections.abc import Callable, Mapping

import numpy as np

from stiffdsl.program.builder import Builder
from stiffdsl.program.operations import FLAT, partial_of
from stiffdsl.program.ops import Op

CONSTANT = ("number", "flag", "table")
# The derivative of an argument, given the builder and its size.
Seeds = Mapping[str, Callable[[Builder, int | None], int]]


def tangent_along(b: Builder, result: int, source: int, seed: int) -> int | None:
    """The derivative of an operation where another one, `source`, changes along `seed`; None where it is zero."""
    forward = Tangents(b, b.tables.arrays, {})
    values = list(range(result + 1))
    tangents: list[int | None] = [None] * (result + 1)
    for k in np.flatnonzero(b.used(result)).tolist():
        op = b.ops[k]
        tangents[k] = seed if k == source else forward.tangent(op, False, k, op.args, values, tangents)
    return tangents[result]


class Tangents:
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
        if op.name in ("matmul", "outer"):
            return self._product(op, args, values, tangents)
        return self._chain(op.name, divisor, value, [values[a] for a in args], [tangents[a] for a in args])

    def _product(
        self, op: Op, args: tuple[int, ...], values: list[int], tangents: list[int | None]
    ) -> int | None:
        """The derivative of a product of matrices."""
        total = None
        for k, a in enumerate(args):
            if tangents[a] is not None:
                factors = [values[c] for c in args]
                factors[k] = self.whole(tangents[a], self.b.size(values[a]))
                term = self.b.moved(op, factors, self.tables)
                total = term if total is None else self.b.apply("add", total, term)
        return total

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
