"""Functions of a program in loops over vectors, several entries at once in registers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stiffdsl.native.functions.matrix_code import emit_matmul, emit_outer
from stiffdsl.native.ir.code import Code
from stiffdsl.program.operations import CONDITIONS, OPERATIONS
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function

PRODUCTS = ("matmul", "outer")
_BOOLEAN = ("flag", *CONDITIONS)
# Vectors that are computed in one loop: more would not stay in registers.
_TOGETHER = 16
# A row of a sum with at most so many terms is added without a loop.
_SHORT = 8
# So many times as many vectors may be computed where entries need not be gathered.
SIDE_BY_SIDE = 1.6


def destined(ops: Sequence[Op]) -> dict[int, int]:
    """The products that are computed where the result holds them, and from which entry on."""
    last, at, found = ops[-1], 0, {}
    if last.name != "concatenate":
        return {}
    for a in last.args:
        if ops[a].name in PRODUCTS and last.args.count(a) == 1 and not any(a in op.args for op in ops[:-1]):
            found[a] = at
        at += ops[a].size or 0
    return found


def added_in_place(function: Function, entries: range) -> list[range]:
    """Of `entries` of the result, those that are outer products of vectors: they are added where all are added up."""
    ops = function.ops
    found = [range(at, at + (ops[k].size or 0)) for k, at in destined(ops).items() if ops[k].name == "outer"]
    return [part for part in found if part.start >= entries.start and part.stop <= entries.stop]


def in_pieces(taken: Sequence[np.ndarray], size: int, lanes: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The first entries of vectors, and single entries, that cover `size` entries such that all places that a vector
    reads lie side by side; None where that takes longer than to gather them. Some are computed twice."""
    if not taken or size < 4 * lanes:
        return None
    apart = np.zeros(size - 1, dtype=bool)
    for places in taken:
        apart |= np.diff(places) != 1
    edges = np.r_[0, np.flatnonzero(apart) + 1, size]
    lengths = np.diff(edges)
    long = lengths >= lanes
    if long.sum() + lengths[~long].sum() > SIDE_BY_SIDE * size / lanes:
        # Too many of them, whatever they hold.
        return None
    counts = -(-lengths[long] // lanes)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.repeat(edges[:-1][long], counts) + lanes * offsets
    starts = np.minimum(first, np.repeat(edges[1:][long] - lanes, counts))
    alone = np.flatnonzero(np.repeat(~long, lengths))
    return None if len(starts) + len(alone) > SIDE_BY_SIDE * size / lanes else (starts, alone)


@dataclass(frozen=True)
class _At:
    """The entries of a vector that are asked for: as many as the numbers of the code have lanes, from `first` on (an
    i64), or those whose numbers `places` holds (a vector of i64)."""

    first: str
    places: str | None = None


@dataclass(frozen=True)
class _Task:
    """Entries that wait for a loop over their number: `item(at)` goes to `place`. They are all of vector `whole`, or a
    part of vector `owner`. `source` is the vector whose entries they are."""

    owner: int
    place: str
    item: Callable[[_At], str]
    whole: bool
    source: int


class Looped:
    """Writes `function`: what is used once is computed where it is used, everything else in an array of its own.

    Vectors of one size are computed in one loop, as long as none asks for other entries of one before it in there.
    """

    def __init__(
        self, code: Code, function: Function, tables: dict[str, np.ndarray], summed: range = range(0)
    ):
        """`summed`: entries of the result whose products are added to the argument `sum` (`added_in_place`)."""
        self.code, self.ops, self.tables, self.summed = code, function.ops, tables, summed
        self.needed = 0
        self.places: dict[int, str] = {}
        self.destined = destined(self.ops)
        self.numbers: dict[int, str] = {}
        self.stored = self._stored()
        # Of what is not stored: the arrays read entry by entry, and those of which others are asked for.
        self.read: dict[int, tuple[frozenset[int], frozenset[int]]] = {}
        self.waiting: dict[int, list[_Task]] = {}
        # Entries of the loop under way, by vector: at the place that it has come to.
        self.computed: dict[int, str] = {}
        self.at: _At | None = None
        # Whether entries that lie side by side are read where those under way read entries by tables.
        self.in_pieces = False

    def _stored(self) -> list[bool]:
        """Whether each vector gets an array."""
        uses = [0] * len(self.ops)
        gathered = [False] * len(self.ops)
        for op in self.ops:
            for a in op.args:
                uses[a] += 1
                gathered[a] |= op.name in ("take", "take_sum", "sum", "slice", "locate", "fetch")
        last = len(self.ops) - 1
        looked_into = {
            op.args[0]
            for op in self.ops
            if op.name in ("locate", "fetch") and self.ops[op.args[0]].name != "input"
        }
        # Matrices and vectors that are multiplied lie in memory.
        factors = {a for op in self.ops if op.name in PRODUCTS for a in op.args if not self._in_memory(a)}
        return [
            op.size is not None
            and (
                k == last
                or k in factors
                or op.name in ("stack", "place", "concatenate", "sum", "take_sum", "scatter", *PRODUCTS)
                or (op.name in (*OPERATIONS, "locate", "fetch") and (uses[k] > 1 or gathered[k]))
                or k in looked_into
            )
            for k, op in enumerate(self.ops)
        ]

    def _in_memory(self, k: int) -> bool:
        """Whether a vector is an argument or a constant, or a part of one without gaps."""
        op = self.ops[k]
        if op.name == "slice" and op.data[2] == 1:
            return self._in_memory(op.args[0])
        return op.name in ("input", "table")

    def _pointer(self, k: int) -> str:
        """The entries of a vector in memory."""
        op = self.ops[k]
        if self.stored[k]:
            return self.places[k]
        if op.name == "slice":
            return self.code.at(self._pointer(op.args[0]), op.data[0], "double")
        return f"%{op.data}" if op.name == "input" else self.code.module.constants(self.tables[op.data])

    def write(self) -> int:
        """Returns the doubles of scratch that are needed."""
        for k, op in enumerate(self.ops):
            if op.size is None:
                self._compute(*(v for a in op.args for part in self._reads(a) for v in part))
                self.numbers[k] = self._number(op)
            elif self.stored[k]:
                self._store(k, op)
        self._compute(*(task.owner for tasks in self.waiting.values() for task in tasks))
        return self.needed

    # --- what waits ---

    def _reads(self, k: int) -> tuple[frozenset[int], frozenset[int]]:
        """The arrays that vector k reads at the entries it is asked for, and those it reads elsewhere."""
        op = self.ops[k]
        if op.size is None:
            return frozenset(), frozenset()
        if self.stored[k]:
            return frozenset((k,)), frozenset()
        if k not in self.read:
            self.read[k] = self._reads_of(op)
        return self.read[k]

    def _reads_of(self, op: Op) -> tuple[frozenset[int], frozenset[int]]:
        parts = [self._reads(a) for a in op.args]
        here, elsewhere = (
            (frozenset().union(*part) for part in zip(*parts, strict=True)) if parts else ((), ())
        )
        if op.name in OPERATIONS:
            return frozenset(here), frozenset(elsewhere)
        if op.name in ("locate", "fetch"):
            # The place is asked for at this entry, the table elsewhere.
            (table, other), (own, more) = self._reads(op.args[0]), self._reads(op.args[1])
            return own, table | other | more
        return frozenset(), frozenset(here) | frozenset(elsewhere)

    def _compute(self, *vectors: int) -> None:
        """Runs the loops that `vectors` wait for."""
        wanted = set(vectors)
        for size in [n for n, tasks in self.waiting.items() if any(t.owner in wanted for t in tasks)]:
            tasks = self.waiting.pop(size)
            taken = [t for task in tasks for t in self._taken(task.source, np.arange(size), task.whole)]
            pieces = in_pieces(taken, size, self.code.module.widest)
            if pieces is None:
                with self.code.sweep(size) as first:
                    self._entries(tasks, first)
                continue
            self.in_pieces = True
            for starts, lanes in zip(pieces, (self.code.module.widest, 1), strict=True):
                if not len(starts):
                    continue
                table = self.code.module.constants(starts.astype(np.int32))
                with self.code.loop(len(starts)) as piece, self.code.vectors(lanes):
                    self._entries(tasks, self.code.index(table, piece))
            self.in_pieces = False

    def _entries(self, tasks: list[_Task], first: str) -> None:
        """The entries from `first` on, as many as numbers have lanes."""
        self.at, self.computed = _At(first), {}
        for task in tasks:
            value = task.item(self.at)
            self.code.store_part(value, task.place, first)
            if task.whole:
                self.computed[task.owner] = value
        self.at, self.computed = None, {}

    def _taken(self, k: int, at: np.ndarray, inside: bool = False) -> list[np.ndarray]:
        """The places that the entries `at` of vector k read where they are not asked for by their own number."""
        op = self.ops[k]
        if op.size is None or (self.stored[k] and not inside):
            return []
        match op.name:
            case "slice":
                start, _, step = op.data
                places = start + step * at
                return ([places] if step != 1 else []) + self._taken(op.args[0], places)
            case "take":
                places = self.tables[op.data][at]
                return [places, *self._taken(op.args[0], places)]
            case "take_sum":
                rows = self.tables[op.data][at].T
                if len(rows) > _SHORT:
                    return [np.zeros(len(at), dtype=np.int64)]
                return [v for places in rows for v in (places, *self._taken(op.args[0], places))]
            case "locate" | "fetch":
                return self._taken(op.args[1], at)
        return [places for a in op.args for places in self._taken(a, at)]

    def _wait(self, task: _Task, size: int, here: frozenset[int], elsewhere: frozenset[int]) -> None:
        """Lets a task wait for the loop over `size`, after those whose results it needs elsewhere."""
        together = self.waiting.get(size, [])
        inside = {t.owner for t in together if t.whole}
        self._compute(*elsewhere, *(here - inside))
        if len(self.waiting.get(size, [])) >= _TOGETHER:
            self._compute(*(t.owner for t in self.waiting[size]))
        self.waiting.setdefault(size, []).append(task)

    def _number(self, op: Op) -> str:
        match op.name:
            case "input":
                return f"%{op.data}"
            case "number":
                return self.code.number(op.data)
            case "flag":
                return self.code.flag(op.data)
            case "element":
                return self._item(op.args[0], _At(str(op.data)))
            case "locate" | "fetch":
                return self._looked_up(op, self.numbers[op.args[1]])
        return self.code.apply(op.name, *(self.numbers[a] for a in op.args))

    def _store(self, k: int, op: Op) -> None:
        """Computes vector k into its array."""
        code, size = self.code, op.size or 0
        if k == len(self.ops) - 1:
            place = "%result"
        elif k in self.destined:
            place = code.at("%result", self.destined[k])
        else:
            place = code.at("%scratch", self.needed)
            self.needed += size
        self.places[k] = place
        match op.name:
            case "stack":
                for i, a in enumerate(op.args):
                    code.store(self.numbers[a], place, i)
            case "concatenate":
                at = 0
                for a in op.args:
                    part = self.ops[a].size or 0
                    if a in self.destined and k == len(self.ops) - 1:
                        at += part
                        continue
                    task = _Task(k, code.at(place, at), lambda i, a=a: self._item(a, i), False, a)
                    self._wait(task, part, *self._reads(a))
                    at += part
            case "place":
                whole, part = op.args
                self._compute(*(v for a in op.args for read in self._reads(a) for v in read))
                self._fill(place, size, lambda i: self._item(whole, i))
                inner = code.at(place, op.data)
                self._fill(inner, self.ops[part].size or 0, lambda i: self._item(part, i))
            case "sum":
                self._compute(*(v for read in self._reads(op.args[0]) for v in read))
                total = code.variable(code.real, code.number(0.0))
                with code.loop(self.ops[op.args[0]].size or 0) as i:
                    code.store(code.apply("add", code.load(total), self._item(op.args[0], _At(i))), total)
                code.store(code.load(total), place)
            case "scatter":
                self._compute(*(v for a in op.args for read in self._reads(a) for v in read))
                self._scatter(op, place)
            case "matmul" | "outer":
                self._compute(*(v for a in op.args for read in self._reads(a) for v in read))
                one, other = (self._pointer(a) for a in op.args)
                if op.name == "matmul":
                    emit_matmul(code, place, one, other, op.data)
                elif self.destined.get(k, -1) in self.summed:
                    place = code.at("%sum", self.destined[k] - self.summed.start)
                    emit_outer(code, place, one, other, op.data, add=True)
                else:
                    emit_outer(code, place, one, other, op.data)
            case "take_sum":
                task = _Task(k, place, lambda i: self._row_sum(op, i), True, k)
                self._wait(task, size, *self._reads_of(op))
            case _:
                task = _Task(k, place, lambda i: self._item(k, i, inside=True), True, k)
                self._wait(task, size, *self._reads_of(op))

    def _fill(self, place: str, size: int, item: Callable[[_At], str]) -> None:
        with self.code.sweep(size) as first:
            self.code.store_part(item(_At(first)), place, first)

    def _scatter(self, op: Op, place: str) -> None:
        """Zeros, to which the entries of the second argument are added where the first says."""
        code, (first, count, by) = self.code, op.data
        with code.sweep(op.size or 0) as k:
            code.store_part(code.number(0.0), place, k)
        own = code.at(place, first, "double")
        with code.loop(max((self.ops[a].size or 1 for a in op.args), default=1)) as i:
            k, value = (
                self.numbers[a] if self.ops[a].size is None else self._item(a, _At(i)) for a in op.args
            )
            at = code.position(k, count, by)
            code.store(code.apply("add", code.load(own, at), value), own, at)

    def _row_sum(self, op: Op, at: _At) -> str:
        code, rows = self.code, self.tables[op.data]
        # By columns: neighbouring rows ask for neighbours.
        size, width = rows.shape
        table = code.module.constants(rows.T)

        def term(j: str | int) -> str:
            first = code.integer("mul", str(j), str(size))
            return self._item(op.args[0], self._through(table, _At(code.integer("add", at.first, first))))

        if width <= _SHORT:
            return code.total([term(j) for j in range(width)])
        total = code.variable(code.real, code.number(0.0))
        with code.loop(width) as j:
            code.store(code.apply("add", code.load(total), term(j)), total)
        return code.load(total)

    def _item(self, k: int, at: _At, inside: bool = False) -> str:
        """The entries of vector k, or number k in their place."""
        code, op = self.code, self.ops[k]
        if op.size is None:
            return self._everywhere(k)
        if self.stored[k] and not inside:
            known = self.computed.get(k) if at is self.at else None
            value = known or self._loaded(self.places[k], at)
            return code.apply("ne", value, code.number(0.0)) if op.name in _BOOLEAN else value
        match op.name:
            case "input":
                return self._loaded(f"%{op.data}", at)
            case "table":
                return self._loaded(code.module.constants(self.tables[op.data]), at)
            case "full":
                return self._everywhere(op.args[0])
            case "slice":
                return self._item(op.args[0], self._sliced(at, *op.data))
            case "take":
                table = code.module.constants(self.tables[op.data])
                return self._item(op.args[0], self._through(table, at))
            case "locate" | "fetch":
                return self._looked_up(op, self._item(op.args[1], at))
        value = code.apply(op.name, *(self._item(a, at) for a in op.args))
        if inside and op.name in _BOOLEAN:
            return code.select(value, code.number(1.0), code.number(0.0))
        return value

    def _looked_up(self, op: Op, argument: str) -> str:
        """The entries of a table that lies in an argument of the function, or in an array of its own."""
        vector, code = op.args[0], self.code
        source = self.ops[vector]
        pointer = f"%{source.data}" if source.name == "input" else self.places[vector]
        first, count, *by = op.data
        place = code.at(pointer, first, "double")
        if op.name == "locate":
            return code.located(place, count, argument)
        return code.fetched(place, argument, count, by[0])

    def _everywhere(self, k: int) -> str:
        """Number k, in every lane."""
        op = self.ops[k]
        if op.name == "number":
            return self.code.number(op.data)
        if op.name == "flag":
            return self.code.flag(op.data)
        return self.code.same(self.numbers[k], "i1" if op.name in _BOOLEAN else "double")

    def _through(self, table: str, at: _At) -> _At:
        """The entries that a table names there."""
        if self.in_pieces and at.places is None:
            return _At(self.code.index(table, at.first))
        return _At("", self.code.indices(table, at.first, at.places))

    def _sliced(self, at: _At, start: int, stop: int, step: int) -> _At:
        """The entries of a vector that are the entries `at` of a part of it."""
        del stop
        code = self.code
        if at.places is None and step == 1:
            return _At(code.integer("add", at.first, str(start)))
        places = at.places or code.following(at.first)
        scaled = code.whole("mul", places, step) if step != 1 else places
        return _At("", code.whole("add", scaled, start))

    def _loaded(self, pointer: str, at: _At) -> str:
        return (
            self.code.load_part(pointer, at.first)
            if at.places is None
            else self.code.gather(pointer, at.places)
        )
