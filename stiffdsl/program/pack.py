"""Long programs over numbers, packed into vectors: operations of one kind and one depth become one operation.

XLA needs minutes for thousands of operations on numbers. Packed, a model of hundreds of unlike equations is some
hundred operations on vectors, whatever the number of equations.

    a = x*y                 place 0, 1, 2: x, y, z; then one product of two vectors
    b = y*z         →       v = take(pool, [0, 1])*take(pool, [1, 2])
    c = a + b               and one sum, of what stands at their places
"""

from dataclasses import replace

import numpy as np

from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.operations import CONDITIONS, OPERATIONS
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function, Program
from stiffdsl.program.tables import named

# Functions of more operations on numbers than this are packed.
MOST = 400


def packed(program: Program, most: int = MOST) -> Program:
    """`program`, its functions of more than `most` operations on numbers written over vectors; the same object where
    there are none."""
    long = [_is_long(f, most) for f in program.functions]
    if not any(long):
        return program
    tables = ConstantTables(dict(program.tables))
    functions = [_pack(f, tables) if pack else f for f, pack in zip(program.functions, long, strict=True)]
    renamed, arrays = named(functions, tables)
    return replace(program, functions=renamed, tables=arrays)


def _is_long(function: Function, most: int) -> bool:
    *ops, last = function.ops
    numbers = sum(op.size is None and op.name in OPERATIONS for op in ops)
    plain = all(op.size is None or op.name in ("input", "table") for op in ops)
    return numbers > most and plain and last.name == "stack"


def _pack(function: Function, tables: ConstantTables) -> Function:
    pool = _Pool(function.ops, tables)
    result = pool.take(function.ops[-1].args)
    ops, labels, notes = pool.builder.needed(result)
    return Function(function.name, function.arguments, function.doc, ops, labels, notes)


class _Pool:
    """All numbers of a function in one vector: what it is given, its constants, then the values of each group."""

    def __init__(self, ops: tuple[Op, ...], tables: ConstantTables):
        self.ops, self.builder = ops, Builder(tables)
        self.place = np.full(len(ops), -1, dtype=np.int64)
        self.vector, self.filled = self._given()
        groups = _groups(ops)
        total = self.filled + sum(len(members) for members in groups.values())
        empty = self.builder.full(self.builder.number(0.0), total - self.filled)
        self.vector = self.builder.concatenate([self.vector, empty])
        for (_, name), members in groups.items():
            self._add(name, members)

    def _given(self) -> tuple[int, int]:
        """The arguments and constants that the operations use, end to end."""
        b = self.builder
        elements: dict[int, list[int]] = {}
        constants, numbers = [], []
        for k, op in enumerate(self.ops):
            if op.name == "element":
                elements.setdefault(op.args[0], []).append(k)
            elif op.name in ("number", "flag"):
                constants.append(k)
            elif op.name == "input" and op.size is None:
                numbers.append(k)
        parts, at = [], 0
        for vector, members in elements.items():
            source = self.ops[vector]
            index = np.array([self.ops[k].data for k in members])
            given = b.input(source.data, source.size)
            parts.append(b.full(b.take(given, index), len(members)))
            self.place[members] = at + np.arange(len(members))
            at += len(members)
        for k in numbers:
            parts.append(b.full(b.input(self.ops[k].data, None), 1))
            self.place[k] = at
            at += 1
        parts.append(b.stack([b.number(float(self.ops[k].data)) for k in constants] or [b.number(0.0)]))
        self.place[constants] = at + np.arange(len(constants))
        return b.concatenate(parts), at + max(len(constants), 1)

    def take(self, members: tuple[int, ...] | list[int]) -> int:
        """The values of operations as a vector."""
        return self.builder.full(self.builder.take(self.vector, self.place[list(members)]), len(members))

    def _add(self, name: str, members: list[int]) -> None:
        """One operation for all `members`, and its values into the pool."""
        b = self.builder
        args = []
        for j in range(len(self.ops[members[0]].args)):
            column = [self.ops[k].args[j] for k in members]
            if all(self.ops[c] == self.ops[column[0]] and self.ops[c].name == "number" for c in column):
                args.append(b.number(self.ops[column[0]].data))
                continue
            value = self.take(column)
            condition = name in ("and", "or", "not") or (name == "select" and j == 0)
            args.append(b.apply("gt", value, b.number(0.5)) if condition else value)
        value = b.apply(name, *args)
        if name in CONDITIONS:
            value = b.apply("select", value, b.number(1.0), b.number(0.0))
        value = b.full(value, len(members))
        self.vector = b.put("place", (self.vector, value), self.filled, b.ops[self.vector].size)
        self.place[members] = self.filled + np.arange(len(members))
        self.filled += len(members)


def _groups(ops: tuple[Op, ...]) -> dict[tuple[int, str], list[int]]:
    """Elementwise operations by depth and name; those of one depth do not use each other."""
    depth = np.zeros(len(ops), dtype=np.int64)
    groups: dict[tuple[int, str], list[int]] = {}
    for k, op in enumerate(ops):
        if op.name in OPERATIONS:
            depth[k] = 1 + max(depth[list(op.args)])
            groups.setdefault((int(depth[k]), op.name), []).append(k)
    return dict(sorted(groups.items(), key=lambda item: item[0][0]))
