"""Hoisting: operations that depend on parameters alone, computed once for a solve instead of at every stage.

before   rhs(t, y, p, u) = exp(-p[0]/p[1])*y[0]     after   prepare(p) = [exp(-p[0]/p[1])]
                                                            rhs(t, y, P, u) = P[2]*y[0]     P = [p, prepare(p)]

Vectors are multiplied with inverses that are made once, and not divided by what stays: processors divide ten times as
long.
"""

from collections.abc import Callable, Sequence

import numpy as np

from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.derivatives.forward import copied
from stiffdsl.program.operations import CONDITIONS
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function

# Cheaper to do again than to keep, or no numbers; see `GATHERED` for exceptions.
REPEATED = ("element", "slice", "take", "full", "stack", "neg", *CONDITIONS)

# As many entries that are not neighbours are brought together once, for loops over vectors.
GATHERED = 16

Tabled = tuple[Function, dict[str, np.ndarray]]


def _gathers(op: Op) -> bool:
    """Whether an operation brings entries together that lie apart."""
    apart = op.name == "take" or (op.name == "slice" and op.data[2] != 1)
    return apart and (op.size or 0) >= GATHERED


class Hoisted:
    """`functions` over the parameters and what `prepare` makes of them; `prepare` is None where that is nothing.

    `parameters` is how many entries their argument p has then; all tables are in `tables`. `looped` tells the functions
    whose vectors are computed in loops: these gain by entries that lie side by side.
    """

    def __init__(self, functions: Sequence[Tabled], parameters: int, looped: Callable[[Function], bool]):
        self._given, self._looped = parameters, looped
        tables_of_all = ConstantTables()
        self._own, self._builder = Builder(tables_of_all), Builder(tables_of_all)
        # The offset of each value of `prepare`, by its operation there.
        self._places: dict[int, int] = {}
        # The inverse of each value that vectors are divided by.
        self._inverses: dict[int, int] = {}
        alone = [self._alone(f, tables) for f, tables in functions]
        for (function, _), values in zip(functions, alone, strict=True):
            self._choose(function, values)
        self.parameters = parameters + self._arranged()
        self.prepare = self._prepare() if self._places else None
        self.functions = tuple(
            self._over(f, tables, values) for (f, tables), values in zip(functions, alone, strict=True)
        )
        self.tables = tables_of_all.arrays

    def _alone(self, function: Function, tables: dict[str, np.ndarray]) -> list[int | None]:
        """The operation in `prepare` of each that depends on parameters and constants alone."""
        values: list[int | None] = []
        for op in function.ops:
            args = [values[a] for a in op.args]
            alone = all(a is not None for a in args) and (op.name != "input" or op.data == "p")
            values.append(copied(self._own, tables, op, args) if alone else None)  # type: ignore[arg-type]
        return values

    def _choose(self, function: Function, values: list[int | None]) -> None:
        """Keeps what other operations, or the caller, see of them."""
        seen, looped = [len(function.ops) - 1], self._looped(function)
        for k, op in enumerate(function.ops):
            if values[k] is None:
                seen += op.args[:1] if looped and self._divides(op, values) else op.args
        while seen:
            k = seen.pop()
            op, own = function.ops[k], values[k]
            if own is None or self._own.ops[own].name in ("input", "number", "flag", "table"):
                continue
            if op.name in REPEATED and not (looped and _gathers(op)):
                seen += op.args
            else:
                self._places.setdefault(own, -1)

    def _divides(self, op: Op, values: list[int | None]) -> bool:
        """Whether an operation divides vectors by what stays; its inverse is then known."""
        below = values[op.args[1]] if op.name == "div" and op.size is not None else None
        if below is None:
            return False
        if below not in self._inverses:
            self._inverses[below] = self._own.apply("div", self._own.number(1.0), below)
            if self._own.known(self._inverses[below]) is None:
                self._places.setdefault(self._inverses[below], -1)
        return True

    def _inverse(self, below: int) -> int:
        """The inverse of a value, in the functions."""
        own, b = self._inverses[below], self._builder
        known = self._own.known(own)
        if known is not None:
            return b.number(float(known)) if np.ndim(known) == 0 else b.constants(np.asarray(known))
        place, size = self._places[own], self._own.ops[own].size
        p = b.input("p", self.parameters)
        return b.element(p, place) if size is None else b.take(p, place + np.arange(size))

    def _arranged(self) -> int:
        """Numbers first, then vectors; returns how many entries they are."""
        ordered = sorted(self._places, key=lambda own: (self._own.ops[own].size is not None, own))
        at = 0
        for own in ordered:
            self._places[own] = self._given + at
            size = self._own.ops[own].size
            at += 1 if size is None else size
        self._ordered = ordered
        return at

    def _prepare(self) -> Function:
        numbers = [own for own in self._ordered if self._own.ops[own].size is None]
        parts = [self._own.stack(numbers)] if numbers else []
        result = self._own.concatenate([*parts, *self._ordered[len(numbers) :]])
        ops, *_ = self._own.needed(result)
        return Function("prepare", ("p",), "What follows from parameters alone.", ops)

    def _over(self, function: Function, tables: dict[str, np.ndarray], alone: list[int | None]) -> Function:
        """`function` with its argument p longer."""
        b = self._builder
        p = b.input("p", self.parameters)
        values: list[int] = []
        looped = self._looped(function)
        for k, op in enumerate(function.ops):
            own = alone[k]
            if op.name == "input" and op.data == "p":
                values.append(b.take(p, np.arange(self._given)))
            elif own in self._places:
                place, size = self._places[own], self._own.ops[own].size
                values.append(b.element(p, place) if size is None else b.take(p, place + np.arange(size)))
            elif own is None and looped and self._divides(op, alone):
                inverse = self._inverse(alone[op.args[1]] or 0)
                values.append(b.apply("mul", values[op.args[0]], inverse))
            else:
                values.append(copied(b, tables, op, [values[a] for a in op.args]))
        ops, *_ = b.needed(values[-1])
        return Function(function.name, function.arguments, function.doc, ops)
