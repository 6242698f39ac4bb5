"""Two ways to write the same program: over vectors, or number by number for a small model.

A small irregular model written over vectors is gathers of three numbers: XLA runs each as a kernel of its
own. The same model written over numbers is one fused kernel. A large model written over numbers would never
compile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import sympy as sp

from stiffdsl.flat.template import operations
from stiffdsl.program.builder import Builder
from stiffdsl.program.formula import TemplateLowering
from stiffdsl.program.parameter_blocks import NO_BLOCKS, ParameterBlocks

# So many pieces of other vectors are put end to end; more are gathered with an index.
_PIECES = 8


@dataclass(frozen=True, slots=True)
class Value:
    """`size` members: one operation (a vector, or a number that all share), or one number for each."""

    size: int
    ops: Sequence[int]


# Vectors of more entries than that are parameters with the figures of tables: their entries are read as they are used.
READ_AT_ONCE = 1000


class Elements(Sequence):
    """The elements of a vector, each an operation once it is asked for: parameters that hold a long table never are."""

    def __init__(self, builder: Builder, vector: int, size: int):
        self._builder, self._vector, self._size = builder, vector, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, k):  # type: ignore[override]
        if isinstance(k, slice):
            return tuple(self[j] for j in range(*k.indices(self._size)))
        if not 0 <= k < self._size:
            raise IndexError(k)
        return self._builder.element(self._vector, k)


NOTHING = Value(0, ())


class LoweringValues(Protocol):
    """Interface of lowering to values; positions are NumPy arrays known at compile time."""

    builder: Builder

    def input(self, name: str, size: int) -> Value: ...
    def constants(self, values: np.ndarray) -> Value: ...
    def take(self, sources: Sequence[Value], source: np.ndarray, position: np.ndarray) -> Value: ...
    def apply(
        self, template: sp.Basic, symbols: dict[str, Value], size: int, at_once: bool = False
    ) -> Value: ...
    def total(self, value: Value, owner: np.ndarray, size: int) -> Value: ...
    def product(self, one: Value, other: Value) -> Value: ...
    def unless_zero(self, factor: Value, value: Value) -> Value: ...
    def vector(self, value: Value) -> int: ...


# A function with many calls is a vector also in a program number by number: a family of so many members whose formula
# is so long, alone and in all of them together. Derivatives of it follow where they are no shorter than `SHORT`.
MEMBERS, FORMULA, FORMULAS, SHORT = 4, 25, 240, 8


def is_long(template: sp.Basic, size: int) -> bool:
    """Whether the formula of a family is evaluated for all members at once in a program number by number."""
    length = operations(template)
    return size >= MEMBERS and length >= FORMULA and size * length >= FORMULAS


class Vectors:
    """Operations over whole families."""

    def __init__(self, builder: Builder, blocks: ParameterBlocks = NO_BLOCKS):
        self.builder = builder
        self.blocks = blocks

    def input(self, name: str, size: int) -> Value:
        return Value(size, (self.builder.input(name, size),)) if size else NOTHING

    def constants(self, values: np.ndarray) -> Value:
        return Value(len(values), (self.builder.constants(values),)) if len(values) else NOTHING

    def take(self, sources: Sequence[Value], source: np.ndarray, position: np.ndarray) -> Value:
        """Member m is member `position[m]` of `sources[source[m]]`."""
        size, b = len(position), self.builder
        if not size:
            return NOTHING
        used = np.flatnonzero(np.bincount(source)).tolist()
        ops = {k: sources[k].ops[0] for k in used}
        if len(set(ops.values())) == 1 and (len(used) == 1 or b.ops[ops[used[0]]].size is None):
            return Value(size, (b.take(ops[used[0]], position),))
        ends = np.r_[np.flatnonzero((np.diff(source) != 0) | (np.diff(position) != 1)) + 1, size].tolist()
        if len(ends) <= _PIECES:
            starts = [0, *ends[:-1]]
            pieces = [
                b.full(b.take(ops[int(source[low])], position[low:high]), high - low)
                for low, high in zip(starts, ends, strict=True)
            ]
            return Value(size, (b.concatenate(pieces),))
        pieces, at, index = [], 0, position.copy()
        for k in used:
            mine = np.flatnonzero(source == k)
            if b.ops[ops[k]].size is None:
                low, high = 0, 1
                index[mine] = at
            else:
                low, high = int(position[mine].min()), int(position[mine].max()) + 1
                index[mine] += at - low
            pieces.append(b.full(b.take(ops[k], np.arange(low, high)), high - low))
            at += high - low
        return Value(size, (b.take(b.concatenate(pieces), index),))

    def apply(self, template: sp.Basic, symbols: dict[str, Value], size: int, at_once: bool = False) -> Value:
        if not size:
            return NOTHING
        ops = {name: value.ops[0] for name, value in symbols.items()}
        ops["time"] = self.builder.input("t", None)
        return Value(size, (TemplateLowering(self.builder, ops, self.blocks).build(template),))

    def total(self, value: Value, owner: np.ndarray, size: int) -> Value:
        if not size:
            return NOTHING
        if not len(owner):
            return Value(size, (self.builder.number(0.0),))
        return Value(size, (self.builder.total(self.vector(value), owner, size),))

    def product(self, one: Value, other: Value) -> Value:
        if not one.size:
            return NOTHING
        return Value(one.size, (self.builder.apply("mul", one.ops[0], other.ops[0]),))

    def unless_zero(self, factor: Value, value: Value) -> Value:
        """`value`, and one where `factor` is zero."""
        if not value.size:
            return NOTHING
        return Value(value.size, (self.builder.unless_zero(factor.ops[0], value.ops[0]),))

    def vector(self, value: Value) -> int:
        return self.builder.full(value.ops[0], value.size) if value.size else self.builder.stack(())


class Numbers:
    """Operations over one member at a time."""

    def __init__(self, builder: Builder, blocks: ParameterBlocks = NO_BLOCKS):
        self.builder = builder
        self.blocks = blocks

    def input(self, name: str, size: int) -> Value:
        if not size:
            return NOTHING
        elements = Elements(self.builder, self.builder.input(name, size), size)
        # In their order where a reader may want them so: texts begin with what they read.
        return Value(size, elements if size > READ_AT_ONCE else tuple(elements))

    def constants(self, values: np.ndarray) -> Value:
        return Value(len(values), tuple(self.builder.number(float(v)) for v in values))

    def take(self, sources: Sequence[Value], source: np.ndarray, position: np.ndarray) -> Value:
        places = zip(source.tolist(), position.tolist(), strict=True)
        return Value(len(position), tuple(sources[s].ops[k] for s, k in places))

    def apply(self, template: sp.Basic, symbols: dict[str, Value], size: int, at_once: bool = False) -> Value:
        """`at_once`: for all members in one operation, where it is not short."""
        time = self.builder.input("t", None)
        if at_once and operations(template) >= SHORT:
            b = self.builder
            columns = {name: self._column(value) for name, value in symbols.items()}
            vector = TemplateLowering(b, {**columns, "time": time}, self.blocks).build(template)
            return Value(size, tuple(b.element(b.full(vector, size), k) for k in range(size)))
        ops = []
        for m in range(size):
            here = {name: value.ops[m] for name, value in symbols.items()}
            ops.append(TemplateLowering(self.builder, {**here, "time": time}, self.blocks).build(template))
        return Value(size, tuple(ops))

    def _column(self, value: Value) -> int:
        """All members as a vector, or the number that all are."""
        return value.ops[0] if len(set(value.ops)) == 1 else self.builder.stack(tuple(value.ops))

    def total(self, value: Value, owner: np.ndarray, size: int) -> Value:
        sums: list[int | None] = [None] * size
        for op, k in zip(value.ops, owner.tolist(), strict=True):
            so_far = sums[k]
            sums[k] = op if so_far is None else self.builder.apply("add", so_far, op)
        return Value(size, tuple(self.builder.number(0.0) if s is None else s for s in sums))

    def product(self, one: Value, other: Value) -> Value:
        pairs = zip(one.ops, other.ops, strict=True)
        return Value(one.size, tuple(self.builder.apply("mul", a, b) for a, b in pairs))

    def unless_zero(self, factor: Value, value: Value) -> Value:
        pairs = zip(factor.ops, value.ops, strict=True)
        return Value(value.size, tuple(self.builder.unless_zero(a, b) for a, b in pairs))

    def vector(self, value: Value) -> int:
        return self.builder.stack(value.ops)
