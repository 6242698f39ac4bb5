"""Straight-line formulas over vectors, as data: what a surrogate keeps of the equations of its model.

Their operations are those of the array program (see `program.ops`), so that a surrogate in a folder needs neither the
model's text nor a compiler. `narrowed` leaves of a formula what some entries of its result need: of a right-hand
side of thousands of entries, the few that a reduced model evaluates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from stiffdsl.program.operations import OPERATIONS
from stiffdsl.program.ops import Op


@dataclass(frozen=True, eq=False)
class Formula:
    """`ops` in order, the last of which is the result. `reads[name]` are the entries of the argument `name` that it is
    given; an argument that is a number, or is not read, is not in it."""

    ops: tuple[Op, ...]
    tables: Mapping[str, np.ndarray]
    reads: Mapping[str, np.ndarray]

    @property
    def size(self) -> int:
        size = self.ops[-1].size
        assert size is not None, "a formula gives a vector"
        return size

    @cached_property
    def work(self) -> int:
        """Elementwise operations, number by number, that do not depend on parameters alone."""
        still = self._follows("p")
        return sum(
            op.size or 1 for op, s in zip(self.ops, still, strict=True) if op.name in OPERATIONS and not s
        )

    def _follows(self, argument: str) -> list[bool]:
        """Flags of the operations that depend on nothing but `argument`."""
        found: list[bool] = []
        for op in self.ops:
            found.append(op.data == argument if op.name == "input" else all(found[a] for a in op.args))
        return found

    def known(self, xp: Any, argument: str, value: Any) -> dict[int, Any]:
        """The values that depend on `argument` alone and that others need: computed once, given to every call."""
        alone = self._follows(argument)
        values = self._values(xp, {argument: value}, {}, alone)
        used = {a for op, own in zip(self.ops, alone, strict=True) if not own for a in op.args}
        used.add(len(self.ops) - 1)
        constant = ("number", "flag", "table")
        return {k: v for k, v in values.items() if k in used and self.ops[k].name not in constant}

    def __call__(self, xp: Any, given: Mapping[str, Any], known: Mapping[int, Any] | None = None) -> Any:
        """(size, …) for one value of every argument: the entries in `reads` first, or a number; then lanes."""
        return self._values(xp, given, known or {}, None)[len(self.ops) - 1]

    def _values(
        self, xp: Any, given: Mapping[str, Any], known: Mapping[int, Any], wanted: list[bool] | None
    ) -> dict[int, Any]:
        values: dict[int, Any] = dict(known)
        like = next((v for v in given.values() if getattr(v, "ndim", 0)), np.zeros(1))
        needed = self._needed(known) if wanted is None else wanted
        for k, op in enumerate(self.ops):
            if needed[k] and k not in values:
                values[k] = self._value(xp, op, [values[a] for a in op.args], given, like)
        return values

    def _needed(self, known: Mapping[int, Any]) -> list[bool]:
        """Flags of the operations that the result needs where some are known."""
        needed = [False] * len(self.ops)
        needed[-1] = True
        for k in range(len(self.ops) - 1, -1, -1):
            if needed[k] and k not in known:
                for a in self.ops[k].args:
                    needed[a] = True
        return needed

    def _value(self, xp: Any, op: Op, args: list[Any], given: Mapping[str, Any], like: Any) -> Any:
        """The lanes, and the precision, are those of `like`."""
        lanes = like.shape[1:]
        match op.name:
            case "input":
                return given[op.data]
            case "number" | "flag":
                return op.data
            case "table":
                values = self.tables[op.data]
                return xp.asarray(values.reshape(-1, *(1,) * len(lanes)), dtype=like.dtype)
            case "element":
                return args[0][op.data]
            case "slice":
                return args[0][slice(*op.data)]
            case "take":
                return _taken(xp, args[0], self.tables[op.data])
            case "take_sum":
                return _taken(xp, args[0], self.tables[op.data]).sum(axis=1)
            case "sum":
                return args[0].sum(axis=0, keepdims=True)
            case "full":
                return xp.broadcast_to(xp.asarray(args[0], dtype=like.dtype), (op.size, *lanes))
            case "stack":
                return xp.stack([xp.broadcast_to(xp.asarray(a, dtype=like.dtype), lanes) for a in args])
            case "concatenate":
                return xp.concatenate([xp.broadcast_to(a, (len(a), *lanes)) for a in args])
            case "place":
                a, b = (xp.broadcast_to(a, (len(a), *lanes)) for a in args)
                return xp.concatenate([a[: op.data], b, a[op.data + len(b) :]])
            case "locate":
                return _located(xp, op, *args).astype(like.dtype)
            case "fetch":
                return _fetched(xp, op, *args)
            case "matmul":
                return _multiplied(xp, *args, *op.data)
            case "relu":
                return xp.maximum(args[0], 0.0)
        return getattr(xp, OPERATIONS[op.name].meaning.__name__)(*args)


def _multiplied(
    xp: Any,
    matrix: Any,
    vectors: Any,
    times: int,
    rows: int,
    columns: int,
    batch: int,
    groups: int,
    transposed: bool,
) -> Any:
    """Products of matrices and vectors (`program/matrices.py`), either of which may differ by lane."""
    lanes = max(matrix.shape[1:], vectors.shape[1:], key=lambda shape: (len(shape), shape))
    matrix, vectors = (xp.broadcast_to(v, (len(v), *lanes)) if v.ndim > 1 else v for v in (matrix, vectors))
    ends = ["l" * (v.ndim - 1) for v in (matrix, vectors)]
    matrix = xp.reshape(matrix, (groups, rows, columns, *matrix.shape[1:]))
    shape = (times, rows if transposed else columns, batch // groups, groups)
    vectors = xp.reshape(vectors, (*shape, *vectors.shape[1:]))
    one, other = ("drng", "dcng") if transposed else ("dcng", "drng")
    found = xp.einsum(f"grc{ends[0]},{one}{ends[1]}->{other}{max(ends)}", matrix, vectors)
    return xp.reshape(found, (-1, *lanes))


def _located(xp: Any, op: Op, vector: Any, x: Any) -> Any:
    """The intervals of knots, which may differ by lane, that hold x."""
    first, count = op.data
    knots, x = vector[first : first + count], xp.asarray(x)
    if op.size is not None:
        knots = knots[:, None]
    behind = xp.sum(knots <= x[None], axis=0)
    return xp.clip(behind - 1, 0, max(count - 2, 0))


def _fetched(xp: Any, op: Op, vector: Any, k: Any) -> Any:
    """The entries of a table, which may differ by lane."""
    first, count, by = op.data
    place = first + xp.clip(xp.asarray(k).astype(int) + by, 0, count - 1)
    if vector.ndim == 1:
        return xp.asarray(vector)[place]
    if op.size is None:
        return xp.take_along_axis(vector, xp.broadcast_to(place, vector.shape[1:])[None], 0)[0]
    return xp.take_along_axis(vector, xp.broadcast_to(place, (op.size, *vector.shape[1:])), 0)


def _taken(xp: Any, vector: Any, index: np.ndarray) -> Any:
    """`vector[index]`, for positions that are known to be inside."""
    return jnp.asarray(vector).at[index].get(mode="promise_in_bounds") if xp is jnp else vector[index]


def narrowed(formula: Formula, wanted: np.ndarray) -> Formula:
    """The formula for the entries `wanted` of the result; it reads fewer entries of its arguments."""
    return _Narrowing(formula, np.asarray(wanted, dtype=np.int64)).formula()


class _Narrowing:
    """`needed[k]` are the entries of the vector k that are needed, ascending; of a number, whether it is."""

    def __init__(self, formula: Formula, wanted: np.ndarray):
        self.old, self.wanted = formula, wanted
        self.needed: list[np.ndarray] = [np.zeros(0, dtype=np.int64)] * len(formula.ops)
        self._require(len(formula.ops) - 1, wanted)
        for k in range(len(formula.ops) - 1, -1, -1):
            if len(self.needed[k]):
                self._spread(formula.ops[k], self.needed[k])
        self.ops: list[Op] = []
        self.tables: dict[str, np.ndarray] = {}
        self.place: dict[int, int] = {}
        self.reads: dict[str, np.ndarray] = {}

    def formula(self) -> Formula:
        for k, op in enumerate(self.old.ops):
            if len(self.needed[k]):
                self.place[k] = self._made(k, op, self.needed[k])
        last = len(self.old.ops) - 1
        result = self._taken(self.place[last], np.searchsorted(self.needed[last], self.wanted))
        if result < len(self.ops) - 1:
            self._put(Op("slice", (result,), (0, len(self.wanted), 1), len(self.wanted)))
        return Formula(tuple(self.ops), self.tables, self.reads)

    def _require(self, k: int, entries: Any) -> None:
        self.needed[k] = np.union1d(self.needed[k], np.asarray(entries, dtype=np.int64))

    def _spread(self, op: Op, entries: np.ndarray) -> None:
        """Propagation of the entries needed of an operation to its arguments."""
        tables, args = self.old.tables, op.args
        match op.name:
            case "element":
                self._require(args[0], [op.data])
            case "slice":
                self._require(args[0], op.data[0] + op.data[2] * entries)
            case "take" | "take_sum":
                self._require(args[0], tables[op.data][entries].ravel())
            case "sum":
                self._require(args[0], np.arange(self._length(args[0])))
            case "stack":
                for k in entries:
                    self._require(args[int(k)], [0])
            case "concatenate":
                low = 0
                for a in args:
                    inside = entries[(entries >= low) & (entries < low + self._length(a))]
                    self._require(a, inside - low)
                    low += self._length(a)
            case "place":
                first, last = op.data, op.data + self._length(args[1])
                inside = (entries >= first) & (entries < last)
                self._require(args[0], entries[~inside])
                self._require(args[1], entries[inside] - first)
            case "matmul":
                for a in args:
                    self._require(a, np.arange(self._length(a)))
            case "locate" | "fetch":
                first, count = op.data[:2]
                self._require(args[0], first + np.arange(count))
                self._require(args[1], [0] if self.old.ops[args[1]].size is None else entries)
            case _:
                for a in args:
                    self._require(a, [0] if self.old.ops[a].size is None else entries)

    def _length(self, k: int) -> int:
        return self.old.ops[k].size or 1

    def _put(self, op: Op) -> int:
        self.ops.append(op)
        return len(self.ops) - 1

    def _table(self, array: np.ndarray) -> str:
        name = f"T{len(self.tables)}"
        self.tables[name] = array
        return name

    def _taken(self, source: int, index: np.ndarray) -> int:
        """`source[index]` of the new operations, which is itself where that is all of it."""
        if np.array_equal(index, np.arange(self.ops[source].size or 0)):
            return source
        return self._put(Op("take", (source,), self._table(index), len(index)))

    def _made(self, k: int, op: Op, entries: np.ndarray) -> int:
        args, size = op.args, None if op.size is None else len(entries)

        def at(j: int, positions: np.ndarray) -> np.ndarray:
            return np.searchsorted(self.needed[args[j]], positions)

        match op.name:
            case "input":
                if size is not None:
                    before = self.old.reads.get(op.data, np.arange(op.size or 0))
                    self.reads[op.data] = before[entries]
                return self._put(replace(op, size=size))
            case "number" | "flag":
                return self._put(op)
            case "table":
                return self._put(replace(op, data=self._table(self.old.tables[op.data][entries]), size=size))
            case "element":
                return self._put(
                    replace(op, args=(self.place[args[0]],), data=int(at(0, np.array([op.data]))[0]))
                )
            case "slice":
                return self._taken(self.place[args[0]], at(0, op.data[0] + op.data[2] * entries))
            case "take":
                return self._taken(self.place[args[0]], at(0, self.old.tables[op.data][entries]))
            case "take_sum":
                table = self._table(at(0, self.old.tables[op.data][entries]))
                return self._put(Op("take_sum", (self.place[args[0]],), table, size))
            case "sum":
                # Of one entry, all entries of the argument are needed.
                every = self._taken(self.place[args[0]], at(0, np.arange(self._length(args[0]))))
                return self._put(replace(op, args=(every,)))
            case "stack":
                return self._put(
                    replace(op, args=tuple(self.place[args[int(e)]] for e in entries), size=size)
                )
            case "concatenate":
                return self._joined(args, entries)
            case "place":
                return self._placed(op, entries)
            case "matmul":
                own = tuple(self._taken(self.place[a], np.arange(self._length(a))) for a in args)
                whole = self._put(replace(op, args=own, size=op.size))
                return self._taken(whole, entries)
            case "locate" | "fetch":
                where = self.place[args[1]]
                if self.old.ops[args[1]].size is not None:
                    where = self._taken(where, at(1, entries))
                data = (int(at(0, np.array([op.data[0]]))[0]), *op.data[1:])
                return self._put(replace(op, args=(self.place[args[0]], where), data=data, size=size))
        # Others may need more of an argument than is needed here.
        own = tuple(
            self.place[a] if self.old.ops[a].size is None else self._taken(self.place[a], at(j, entries))
            for j, a in enumerate(args)
        )
        return self._put(replace(op, args=own, size=size))

    def _joined(self, args: tuple[int, ...], entries: np.ndarray) -> int:
        """The `entries` of parts placed end to end, from those kept of each part, which may be more."""
        low, parts, every = 0, [], []
        for a in args:
            if len(self.needed[a]):
                parts.append(self.place[a])
                every.append(self.needed[a] + low)
            low += self._length(a)
        joined = np.concatenate(every)
        whole = parts[0]
        if len(parts) > 1:
            whole = self._put(Op("concatenate", tuple(parts), None, len(joined)))
        return self._taken(whole, np.searchsorted(joined, entries))

    def _placed(self, op: Op, entries: np.ndarray) -> int:
        a, b = op.args
        first, last = op.data, op.data + self._length(b)
        inside = (entries >= first) & (entries < last)
        of_a = np.searchsorted(self.needed[a], entries)
        of_b = np.searchsorted(self.needed[b], entries - first)
        if np.all(inside):
            return self._taken(self.place[b], of_b)
        if not np.any(inside):
            return self._taken(self.place[a], of_a)
        count = len(self.needed[a])
        whole = self._put(
            Op("concatenate", (self.place[a], self.place[b]), None, count + len(self.needed[b]))
        )
        return self._taken(whole, np.where(inside, count + of_b, of_a))
