"""Jumps in time: conditions on `time`, parameters and constants alone, and the times at which they change.

Steps end at these times, and within a step every such condition is what it is in the middle of the step: `side` says
for each of them a time at which it is decided, in the place of `t`, which may be rounded to either side of a jump.

    rhs(t, …)           der(x) = if time - T*floor(time/T) < d then 1 else 0
    rhs(t, …, side)     … if side[1] - T*floor(side[0]/T) < d …; what stays a value keeps `t`
    crossings(p, side)  floor(time/T) jumps where 0 + time/T is a whole number,
                        the condition where (-T*floor(side[0]/T) - d) + 1*time is zero

What is compared, or rounded, is a straight line `offset + slope*time` as long as the conditions inside it stay: then
the time of the next jump follows in closed form. Conditions on other functions of time are left as they are.

A condition may guard a quotient against the very time of its jump: `if time <= 0 then 1 else sin(time)/time`. Where the
divisor is zero, such a condition is what it is as it is written.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stiffdsl.program.builder import Builder
from stiffdsl.program.operations import COMPARISONS
from stiffdsl.program.ops import Op

COMPARED = (*COMPARISONS, "sign")
ROUNDINGS = ("floor", "ceil")
_MOVED = ("element", "slice", "take", "take_sum", "sum", "full", "stack", "concatenate", "place")
# Comparisons that have the value after the jump at the jump too: where the line rises (1), and falls (-1).
_AFTER = {1: {"gt": "ge", "le": "lt"}, -1: {"ge": "gt", "lt": "le"}}
_CONSTANT, _LINE, _OTHER = 0, 1, 2


# More than any vector has entries: `side` is as long as there turn out to be crossings.
_UNKNOWN = 1 << 40


@dataclass(frozen=True, eq=False)
class Crossing:
    """Lines over time, one for each entry of `side` from `place` on, and where they jump: at whole numbers
    (`periodic`), or at zero."""

    offset: int
    slope: int
    periodic: bool
    place: int
    size: int | None


@dataclass(eq=False)
class TimeEventRewriter:
    """Rewrites the operations of one builder; keeps what crosses."""

    builder: Builder
    found: dict[tuple[int, int, bool, int | None], Crossing] = field(default_factory=dict)
    # By operation: whether it depends on t, on p, on anything else; its degree in t; rewritten, for steps and as it
    # stands; and as a line over time, where no slope is zero.
    _t: list[bool] = field(default_factory=list)
    _p: list[bool] = field(default_factory=list)
    _other: list[bool] = field(default_factory=list)
    _degree: list[int] = field(default_factory=list)
    _within: dict[int, int] = field(default_factory=dict)
    _exact: dict[int, int] = field(default_factory=dict)
    _lines: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    _decided: dict[int, int] = field(default_factory=dict)
    _divisors: dict[int, list[int]] | None = None

    def of(self, result: int, arguments: tuple[str, ...]) -> int:
        """The `result` of a function of `arguments`: with every condition on time alone at `side` if it has one, else
        with the values that conditions have after a jump at the jump. Asked for when all functions are there."""
        return self._rewritten(result, "side" in arguments) if "t" in arguments else result

    def _rewritten(self, result: int, steps: bool) -> int:
        asked, folded = self.builder.asked, self.builder.folded
        kept = self._within if steps else self._exact
        self._learn(result)
        for k in self._new(result, kept):
            kept[k] = self._one(k, kept, steps)
        self.builder.asked, self.builder.folded = asked, folded
        return kept[result]

    def _new(self, result: int, done: dict[int, Any]) -> list[int]:
        """Operations that `result` needs, itself included, and `done` has not, in order."""
        found: set[int] = set()
        waiting = [result]
        while waiting:
            k = waiting.pop()
            if k not in done and k not in found:
                found.add(k)
                waiting += self.builder.ops[k].args
        return sorted(found)

    def _learn(self, last: int) -> None:
        """Record of the arguments that operations up to `last` depend on, and of their degree in t."""
        for k in range(len(self._t), last + 1):
            op = self.builder.ops[k]
            if op.name == "input":
                self._t.append(op.data == "t")
                self._p.append(op.data == "p")
                self._other.append(op.data not in ("t", "p", "side"))
            else:
                for kept in (self._t, self._p, self._other):
                    kept.append(any(kept[a] for a in op.args))
            self._degree.append(self._degree_of(k, op))

    def _degree_of(self, k: int, op: Op) -> int:
        if self._other[k]:
            return _OTHER
        if not self._t[k]:
            return _CONSTANT
        if op.name == "input":
            return _LINE
        degrees = [self._degree[a] for a in op.args]
        match op.name:
            case "add" | "sub" | "neg":
                return max(degrees)
            case "mul":
                return min(_OTHER, sum(degrees))
            case "div":
                return degrees[0] if degrees[1] == _CONSTANT else _OTHER
            case "select":
                return max(degrees[1:]) if degrees[0] == _CONSTANT else _OTHER
            case name if name in _MOVED:
                return max(degrees)
            case name if name in COMPARED or name in ROUNDINGS:
                return _CONSTANT if max(degrees) <= _LINE else _OTHER
        return _CONSTANT if max(degrees) == _CONSTANT else _OTHER

    def decides(self, k: int) -> bool:
        """Whether operation k is a condition at whose jumps steps end."""
        self._learn(k)
        return self._jumps(k)

    def _jumps(self, k: int) -> bool:
        """Whether operation k is a condition on time alone that is decided at `side`."""
        name = self.builder.ops[k].name
        return self._t[k] and self._degree[k] == _CONSTANT and (name in COMPARED or name in ROUNDINGS)

    def _one(self, k: int, kept: dict[int, int], steps: bool) -> int:
        op, b = self.builder.ops[k], self.builder
        args = tuple(kept[a] for a in op.args)
        if self._jumps(k):
            return self._named(
                k, self._unless_divisor(k, self._at_side(k) if steps else self._after(k, args))
            )
        return k if args == op.args else self._named(k, b.put(op.name, args, op.data, op.size))

    def _named(self, old: int, new: int) -> int:
        b = self.builder
        if new != old:
            if old in b.labels:
                b.labels.setdefault(new, b.labels[old])
            if old in b.notes:
                b.notes.setdefault(new, b.notes[old])
        return new

    # --- guards ---

    def _unless_divisor(self, k: int, decided: int) -> int:
        """Jump k as `decided`; as it is written where a divisor that it guards is zero."""
        b = self.builder
        for divisor in self._guarded().get(k, ()):
            zero = b.apply("eq", divisor, b.number(0.0))
            kept = b.apply("and", decided, b.apply("not", zero))
            decided = b.apply("or", kept, b.apply("and", k, zero))
        return decided

    def _guarded(self) -> dict[int, list[int]]:
        """By comparison: what depends on time alone, is divided by or has its logarithm taken, and only under it."""
        if self._divisors is None:
            ops = self.builder.ops
            self._learn(len(ops) - 1)
            self._divisors = {}
            for op in tuple(ops):
                if op.name not in ("div", "log"):
                    continue
                for guard, divisor in self._guards(op.args[-1]):
                    for k in self._comparisons(guard):
                        if k not in self._new(divisor, {}) and divisor not in self._divisors.setdefault(
                            k, []
                        ):
                            self._divisors[k].append(divisor)
        return self._divisors

    def _guards(self, k: int) -> list[tuple[int, int]]:
        """The choices `guard, value` of which operation k is a product, the values of time alone."""
        op = self.builder.ops[k]
        if (
            op.name == "select"
            and self._t[op.args[0]]
            and self._t[op.args[1]]
            and not self._other[op.args[1]]
        ):
            return [(op.args[0], op.args[1])]
        return (
            [g for a in op.args for g in self._guards(a)] if op.name in ("mul", "neg", "sqrt", "pow") else []
        )

    def _comparisons(self, guard: int) -> list[int]:
        """The jumps that a guard is made of."""
        op = self.builder.ops[guard]
        if op.name in ("and", "or", "not"):
            return [k for a in op.args for k in self._comparisons(a)]
        return [guard] if self._jumps(guard) else []

    def _after(self, k: int, args: tuple[int, ...]) -> int:
        """Operation k over `args`, with the value after a jump at the jump where the direction is known."""
        b, op = self.builder, self.builder.ops[k]
        sign = self._direction(k)
        if op.name == "ceil" and sign > 0:
            return b.apply("add", b.apply("floor", *args), b.number(1.0))
        if op.name == "floor" and sign < 0:
            return b.apply("sub", b.apply("ceil", *args), b.number(1.0))
        name = _AFTER.get(sign, {}).get(op.name, op.name)
        return b.put(name, args, op.data, op.size)

    def _direction(self, k: int) -> int:
        """Whether the line of jump k rises (1) or falls (-1), where that does not depend on parameters; else 0."""
        slope = self._line_of_jump(k)[1]
        known = None if slope is None else self.builder.known(slope)
        if known is None:
            return 0
        return 1 if np.all(np.asarray(known) > 0) else -1 if np.all(np.asarray(known) < 0) else 0

    # --- at `side` ---

    def _at_side(self, k: int) -> int:
        """Jump k, decided by `side`."""
        if k not in self._decided:
            b, op = self.builder, self.builder.ops[k]
            offset, slope = self._line_of_jump(k)
            if slope is None:
                self._decided[k] = self._after(k, tuple(self._line(a)[0] for a in op.args))
            else:
                crossing = self._crossing(offset, slope, op)
                side = b.input("side", _UNKNOWN)
                if crossing.size is None:
                    side = b.element(side, crossing.place)
                else:
                    side = b.take(side, crossing.place + np.arange(crossing.size))
                self._decided[k] = self._after(k, tuple(self._at(a, side) for a in op.args))
        return self._decided[k]

    def _crossing(self, offset: int, slope: int, op: Op) -> Crossing:
        key = offset, slope, op.name in ROUNDINGS, op.size
        if key not in self.found:
            self.found[key] = Crossing(*key[:3], self._count(), op.size)
        return self.found[key]

    def _count(self) -> int:
        return sum(c.size or 1 for c in self.found.values())

    def _at(self, k: int, side: int) -> int:
        """Operation k, a line over time, at `side`: as it is written, or from offset and slope where entries move."""
        b = self.builder
        copies = {j: self._lines[j][0] for j in self._new(k, {}) if self._line(j)[1] is None}
        between = self._new(k, copies)
        offset, slope = self._line(k)
        if slope is None:
            return offset
        if any(b.ops[j].name in _MOVED for j in between):
            return b.apply("add", offset, b.apply("mul", slope, side))
        size = b.ops[side].size
        for j in between:
            op = b.ops[j]
            if op.name == "input":
                copies[j] = side
            else:
                copies[j] = b.put(op.name, tuple(copies[a] for a in op.args), op.data, op.size or size)
        return copies[k]

    # --- lines ---

    def _line_of_jump(self, k: int) -> tuple[int, int | None]:
        """The line that is compared with zero, or rounded."""
        op = self.builder.ops[k]
        lines = [self._line(a) for a in op.args]
        if len(lines) == 1:
            return lines[0]
        return self._combined("sub", lines, op)

    def _line(self, k: int) -> tuple[int, int | None]:
        """Offset and slope of operation k; no slope is zero."""
        for j in self._new(k, self._lines):
            self._lines[j] = self._line_by_args(j)
        return self._lines[k]

    def _line_by_args(self, k: int) -> tuple[int, int | None]:
        b, op = self.builder, self.builder.ops[k]
        if op.name == "input" and self._t[k]:
            return b.number(0.0), b.number(1.0)
        if not self._t[k]:
            return k, None
        if self._jumps(k):
            return self._at_side(k), None
        if self._degree[k] == _CONSTANT:
            return b.put(op.name, tuple(self._lines[a][0] for a in op.args), op.data, op.size), None
        return self._combined(op.name, [self._lines[a] for a in op.args], op)

    def _combined(self, name: str, lines: list[tuple[int, int | None]], op: Op) -> tuple[int, int | None]:
        b = self.builder
        offsets = [line[0] for line in lines]
        slopes = [line[1] for line in lines]
        if all(s is None for s in slopes):
            return b.apply(name, *offsets), None
        zero = b.number(0.0)
        whole = [zero if s is None else s for s in slopes]
        if name in ("add", "sub", "neg"):
            return b.apply(name, *offsets), b.apply(name, *whole)
        if name in ("mul", "div"):
            rest = [o if s is None else s for o, s in zip(offsets, slopes, strict=True)]
            return b.apply(name, *offsets), b.apply(name, *rest)
        if name == "select":
            return b.apply(name, *offsets), b.apply(name, offsets[0], *whole[1:])
        assert name in _MOVED, name
        return self._moved(op, offsets), self._moved(op, whole)

    def _moved(self, op: Op, args: list[int]) -> int:
        """`op`, which moves entries, over other values of the same sizes; a number stands for all entries."""
        b = self.builder
        sizes = [b.ops[a].size for a in op.args]
        args = [a if size is None else b.full(a, size) for a, size in zip(args, sizes, strict=True)]
        return b.moved(op, args, b.tables.arrays)

    # --- the result ---

    def crossings(self) -> tuple[int, np.ndarray, bool]:
        """Offsets, then slopes of all lines, as one vector; which of them jump at whole numbers; and whether the times
        of jumps follow parameters."""
        b, found = self.builder, list(self.found.values())
        offsets = [b.full(c.offset, c.size or 1) for c in found]
        slopes = [b.full(c.slope, c.size or 1) for c in found]
        result = b.concatenate([*offsets, *slopes])
        self._learn(result)
        periodic = np.concatenate([np.full(c.size or 1, c.periodic) for c in found])
        return result, periodic, self._p[result]

    def settle(self) -> None:
        """Says how long `side` is, once all that crosses is found."""
        ops = self.builder.ops
        for k, op in enumerate(ops):
            if op.name == "input" and op.data == "side":
                ops[k] = replace(op, size=self._count())
