"""Derivatives of the functions of a program in reverse: what each argument contributes to a weighted sum of results.

`pullback(f, …)` is the function that takes the weights `bar` of the entries of f, and gives the derivatives of their
weighted sum by the arguments. Operations are taken back one by one, whole vectors at a time: a gather becomes a sum by
owner, so that the operations do not grow with the model either.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.derivatives.forward import copied
from stiffdsl.program.operations import FLAT, partial_of
from stiffdsl.program.ops import Op, divided_by
from stiffdsl.program.program import Function


def pullback(
    function: Function,
    tables: dict[str, np.ndarray],
    wanted: Sequence[tuple[str, int]],
    held: range | None = None,
) -> tuple[Function, dict[str, np.ndarray]] | None:
    """`f_back(…, bar)`: the derivatives of `bar · f` by the arguments `wanted` (names and sizes), end to end; and its
    tables. None where f depends on none of them.
    Entries `held` of p, which are the figures of tables, are left out, and p is that much shorter."""
    reverse = _Reverse(function, tables, {name for name, _ in wanted}, held)
    bars = reverse.arguments()
    if not bars:
        return None
    b = reverse.b
    zero = b.number(0.0)
    sizes = [(name, size - len(held or ()) * (name == "p")) for name, size in wanted]
    parts = [b.full(bars.get(name, zero), size) for name, size in sizes if size]
    ops, *_ = b.needed(b.concatenate(parts))
    doc = f"The derivatives of a weighted sum of {function.name}."
    return Function(f"{function.name}_back", (*function.arguments, "bar"), doc, ops), b.tables.arrays


# Contributions to so many neighbours are kept whole.
WHOLE = 64


def _ascends(entries: np.ndarray) -> bool:
    """Whether entries are neighbours, in their order."""
    return bool(np.all(np.diff(entries) == 1))


class _Share(NamedTuple):
    """A contribution to some entries of a vector: a vector of as many."""

    entries: np.ndarray
    value: int


class _Reverse:
    def __init__(
        self, function: Function, tables: dict[str, np.ndarray], wanted: set[str], held: range | None
    ):
        self.held = held
        self.ops, self.tables = function.ops, tables
        self.b = b = Builder(ConstantTables())
        self.bounded = divided_by(function.ops)
        self.values: list[int] = []
        self.active: list[bool] = []
        for op in self.ops:
            self.values.append(copied(b, tables, op, [self.values[a] for a in op.args]))
            if op.name == "input":
                self.active.append(op.data in wanted)
            else:
                flat = op.name in FLAT or (op.name == "fetch" and held is not None)
                self.active.append(not flat and any(self.active[a] for a in op.args))
        # For each operation: contributions to the whole value, and to some of its entries.
        self.whole: list[list[int]] = [[] for _ in self.ops]
        self.shares: list[list[_Share]] = [[] for _ in self.ops]

    def arguments(self) -> dict[str, int]:
        """The cotangents of the wanted arguments that the result depends on."""
        found: dict[str, int] = {}
        last = len(self.ops) - 1
        self.whole[last].append(self.b.input("bar", self.ops[last].size))
        for k in range(last, -1, -1):
            if self.active[k] and (self.whole[k] or self.shares[k]):
                bar = self._summed(k)
                if self.ops[k].name == "input":
                    found[self.ops[k].data] = bar
                else:
                    self._back(k, bar)
        return found

    def _summed(self, k: int) -> int:
        """All contributions to the value of operation k."""
        b, size = self.b, self.ops[k].size
        if self.held is not None and self.ops[k].data == "p" and self.ops[k].name == "input":
            size = (size or 0) - len(self.held)
        parts = list(self.whole[k])
        if self.shares[k]:
            assert size is not None, "only vectors have entries"
            parts.append(self._total(self.shares[k], size))
        total, *others = self._joined(parts)
        for part in others:
            total = b.apply("add", total, part)
        return total if size is None else b.full(total, size)

    def _joined(self, parts: list[int]) -> list[int]:
        """Outer products of vectors that make matrices of one size, as one."""
        b = self.b
        alike: dict[tuple, list[int]] = {}
        for part in parts:
            op = b.ops[part]
            key = ("outer", *op.data[1:]) if op.name == "outer" else (part,)
            alike.setdefault(key, []).append(part)
        found = []
        for own in alike.values():
            if len(own) > 1 and b.ops[own[0]].name == "outer":
                ops = [b.ops[part] for part in own]
                x, y = (b.concatenate([op.args[k] for op in ops]) for k in (0, 1))
                own = [b.outer(x, y, (sum(op.data[0] for op in ops), *ops[0].data[1:]))]
            found += own
        return found

    def _total(self, shares: list[_Share], size: int) -> int:
        """The sum of contributions to entries, as a vector of `size`. Long ones that no other overlaps stay whole."""
        b = self.b
        uses = np.bincount(np.concatenate([s.entries for s in shares]), minlength=size)
        whole = sorted(
            (
                s
                for s in shares
                if len(s.entries) >= WHOLE and np.all(uses[s.entries] == 1) and _ascends(s.entries)
            ),
            key=lambda s: int(s.entries[0]),
        )
        rest = [s for s in shares if not any(s is w for w in whole)]
        pieces, at = [], 0
        for share in (*whole, None):
            end = size if share is None else int(share.entries[0])
            if end > at:
                pieces.append(self._between(rest, at, end))
            if share is not None:
                pieces.append(b.full(share.value, len(share.entries)))
                at = end + len(share.entries)
        return b.concatenate(pieces)

    def _between(self, shares: list[_Share], low: int, high: int) -> int:
        """The sum of contributions to the entries low ... high - 1."""
        b, parts, owners = self.b, [], []
        for share in shares:
            inside = np.flatnonzero((share.entries >= low) & (share.entries < high))
            if len(inside):
                value = b.full(share.value, len(share.entries))
                parts.append(b.full(b.take(value, inside), len(inside)))
                owners.append(share.entries[inside] - low)
        if not parts:
            return b.full(b.number(0.0), high - low)
        owner = np.concatenate(owners)
        return b.full(b.total(b.full(b.concatenate(parts), len(owner)), owner, high - low), high - low)

    def _give(self, a: int, bar: int) -> None:
        """`bar` for the whole value of operation a, or summed where a number was spread over a vector."""
        if not self.active[a]:
            return
        if self.ops[a].size is None and self.b.ops[bar].size is not None:
            bar = self.b.element(self.b.put("sum", (bar,), None, 1), 0)
        self.whole[a].append(bar)

    def _share(self, a: int, index: np.ndarray, bar: int) -> None:
        if not self.active[a]:
            return
        index, held = index.astype(np.int64), self.held
        if held and self.ops[a].name == "input" and self.ops[a].data == "p":
            kept = np.flatnonzero((index < held.start) | (index >= held.stop))
            if not len(kept):
                return
            if self.b.ops[bar].size is not None:
                bar = self.b.take(bar, kept)
            index = index[kept] - len(held) * (index[kept] >= held.stop)
        self.shares[a].append(_Share(index, bar))

    def _back(self, k: int, bar: int) -> None:
        """Hands the cotangent of operation k on to its arguments."""
        b, op = self.b, self.ops[k]
        match op.name:
            case "element":
                self._share(op.args[0], np.array([op.data]), bar)
            case "slice":
                self._share(op.args[0], np.arange(*op.data), bar)
            case "take":
                self._share(op.args[0], self.tables[op.data], bar)
            case "take_sum":
                table = self.tables[op.data]
                spread = b.take(bar, np.repeat(np.arange(len(table)), table.shape[1]))
                self._share(op.args[0], table.ravel(), spread)
            case "sum":
                self._give(op.args[0], b.full(b.element(bar, 0), self.ops[op.args[0]].size or 0))
            case "full":
                self._give(op.args[0], bar)
            case "stack":
                for i, a in enumerate(op.args):
                    self._give(a, b.element(bar, i))
            case "concatenate":
                at = 0
                for a in op.args:
                    size = self.ops[a].size or 0
                    self._give(a, b.full(b.take(bar, at + np.arange(size)), size))
                    at += size
            case "place":
                self._back_place(op, bar)
            case "fetch":
                if self.active[op.args[0]]:
                    size = self.ops[op.args[0]].size
                    self._give(op.args[0], b.put("scatter", (self.values[op.args[1]], bar), op.data, size))
            case "scatter":
                self._give(op.args[1], b.looked_up("fetch", bar, self.values[op.args[0]], op.data))
            case "matmul":
                matrix, vectors = (self.values[a] for a in op.args)
                *sizes, transposed = op.data
                if self.active[op.args[1]]:
                    self._give(op.args[1], b.matmul(matrix, bar, (*sizes, not transposed)))
                if self.active[op.args[0]]:
                    pair = (vectors, bar) if transposed else (bar, vectors)
                    self._give(op.args[0], b.outer(*pair, tuple(sizes)))
            case "outer":
                x, y = (self.values[a] for a in op.args)
                if self.active[op.args[0]]:
                    self._give(op.args[0], b.matmul(bar, y, (*op.data, False)))
                if self.active[op.args[1]]:
                    self._give(op.args[1], b.matmul(bar, x, (*op.data, True)))
            case "select":
                condition, zero = self.values[op.args[0]], b.number(0.0)
                self._give(op.args[1], self._spread(op, b.apply("select", condition, bar, zero)))
                self._give(op.args[2], self._spread(op, b.apply("select", condition, zero, bar)))
            case name:
                args = [self.values[a] for a in op.args]
                for i, a in enumerate(op.args):
                    if self.active[a]:
                        part = partial_of(name, k in self.bounded)(b, i, self.values[k], args, bar)
                        self._give(a, self._spread(op, part))

    def _spread(self, op: Op, bar: int) -> int:
        """A cotangent as large as its operation, also where it became a number that all entries share."""
        return bar if op.size is None else self.b.full(bar, op.size)

    def _back_place(self, op: Op, bar: int) -> None:
        whole, part = op.args
        size, first = self.ops[part].size or 0, op.data
        outside = np.r_[0:first, first + size : self.ops[whole].size or 0]
        if len(outside):
            self._share(whole, outside, self.b.take(bar, outside))
        self._give(part, self.b.full(self.b.take(bar, first + np.arange(size)), size))
