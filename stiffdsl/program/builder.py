"""The builder of array programs, which writes each operation once, and the constant tables that these read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stiffdsl.program.operations import OPERATIONS
from stiffdsl.program.ops import CONSTANT, Op

# Sums of at most this many terms share one table; longer ones get tables of twice the width each time.
NARROW = 8


@dataclass(eq=False)
class ConstantTables:
    """Constant arrays of a program, one for each distinct content."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    _known: dict[tuple, str] = field(default_factory=dict)

    def name(self, array: np.ndarray) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"T{len(self.arrays)}"
            self.arrays[self._known[key]] = array
        return self._known[key]


class Builder:
    """Writes operations, each distinct one once; folds constants, and gathers of gathers into one."""

    def __init__(self, tables: ConstantTables):
        self.tables = tables
        self.ops: list[Op] = []
        self.labels: dict[int, str] = {}
        self.notes: dict[int, str] = {}
        self._known: dict[tuple, int] = {}
        # Elementwise operations asked for, number by number: those done before count again; and constants folded.
        self.asked, self.folded = 0, 0
        # Arguments of tables that have no value outside: the table, the argument's place, and its value.
        self.watched: dict[tuple[int, int, int], None] = {}

    def put(self, name: str, args: tuple[int, ...] = (), data: Any = None, size: int | None = None) -> int:
        key = (name, args, repr(data) if isinstance(data, float) else data, size)
        if key not in self._known:
            self._known[key] = len(self.ops)
            self.ops.append(Op(name, args, data, size))
        return self._known[key]

    def label(self, value: int, text: str) -> None:
        """Names a value after what it is in the model; the first name stays."""
        if self.ops[value].name not in ("input", *CONSTANT):
            self.labels.setdefault(value, text)

    def note(self, value: int, text: str) -> None:
        """Says which equation of the model a value solves; the first note stays."""
        if self.ops[value].name not in ("input", "element", "slice", "take", *CONSTANT):
            self.notes.setdefault(value, text)

    # --- constants and inputs ---

    def input(self, name: str, size: int | None) -> int:
        return self.put("input", (), name, size)

    def number(self, value: float) -> int:
        return self.put("number", (), float(value))

    def constants(self, values: np.ndarray) -> int:
        """A constant vector; one number where all are equal."""
        values = np.asarray(values, dtype=float)
        if len(values) and np.array_equal(values, np.full(len(values), values[0]), equal_nan=True):
            return self.number(values[0])
        return self.put("table", (), self.tables.name(values), len(values))

    def known(self, value: int) -> Any:
        """The constant that `value` is, or None."""
        op = self.ops[value]
        if op.name not in CONSTANT:
            return None
        return self.tables.arrays[op.data] if op.name == "table" else op.data

    # --- elementwise ---

    def apply(self, name: str, *args: int) -> int:
        constants = [self.known(a) for a in args]
        if all(c is not None for c in constants):
            known = self._folded(name, constants)
            if known is not None:
                self.folded += 1
                return known
        self.asked += max((self.ops[a].size or 1 for a in args), default=1)
        simpler = self._simpler(name, args, constants)
        if simpler is not None:
            return simpler
        size = max((s for a in args if (s := self.ops[a].size) is not None), default=None)
        return self.put(name, args, None, size)

    def unless_zero(self, factor: int, value: int) -> int:
        """`value`, and one where `factor` is zero: what is multiplied by that is zero then, also if it is infinite."""
        known, zero = self.known(factor), self.number(0.0)
        if known is None or not np.ndim(known):
            is_zero = self.apply("eq", factor, zero)
        elif np.any(np.asarray(known) == 0):
            is_zero = self.put("eq", (factor, zero), None, self.size(factor))
        else:
            return value
        return self.apply("select", is_zero, self.number(1.0), value)

    def _folded(self, name: str, constants: list[Any]) -> int | None:
        """The constant that comes of `constants`; None for conditions that differ: tables hold numbers only."""
        with np.errstate(all="ignore"):
            result = OPERATIONS[name].meaning(*(np.asarray(c) for c in constants))
        if result.ndim and result.dtype.kind == "b":
            return self.put("flag", (), bool(result[0])) if np.all(result == result[0]) else None
        if result.ndim:
            return self.constants(result)
        return self.put("flag", (), bool(result)) if result.dtype.kind == "b" else self.number(float(result))

    def _simpler(self, name: str, args: tuple[int, ...], constants: list[Any]) -> int | None:
        """`x + 0`, `1*x`, `x/1`, `--x`, decided conditions; `0*x` stays, since x may be infinite."""

        def is_number(k: int, value: float) -> bool:
            return isinstance(constants[k], float) and constants[k] == value

        if name in ("add", "mul"):
            unit = 0.0 if name == "add" else 1.0
            for k in (0, 1):
                if is_number(k, unit):
                    return self._as_large(args[1 - k], args)
                if name == "mul" and is_number(k, -1.0):
                    return self.apply("neg", args[1 - k])
        if (name == "sub" and is_number(1, 0.0)) or (name == "div" and is_number(1, 1.0)):
            return args[0]
        if name == "neg" and self.ops[args[0]].name == "neg":
            return self.ops[args[0]].args[0]
        if name == "sub" and is_number(0, 0.0):
            return self.apply("neg", args[1])
        if name in ("add", "sub") and self.ops[args[1]].name == "neg":
            return self.apply("sub" if name == "add" else "add", args[0], self.ops[args[1]].args[0])
        if name == "select" and (isinstance(constants[0], bool) or args[1] == args[2]):
            return args[1] if constants[0] is not False else args[2]
        if name in ("and", "or"):
            for k in (0, 1):
                if isinstance(constants[k], bool):
                    return args[1 - k] if constants[k] == (name == "and") else args[k]
        return None

    def _as_large(self, value: int, args: tuple[int, ...]) -> int | None:
        """`value`, where leaving the other argument away does not make a vector a number."""
        return value if all(self.ops[a].size in (None, self.ops[value].size) for a in args) else None

    # --- moving values ---

    def full(self, value: int, size: int) -> int:
        """`value` as a vector of `size`."""
        if self.ops[value].size is not None:
            return value
        return self.put("full", (value,), None, size)

    def element(self, vector: int, k: int) -> int:
        op = self.ops[vector]
        if op.name == "full":
            return op.args[0]
        if op.name == "table":
            return self.number(float(self.tables.arrays[op.data][k]))
        if op.name == "stack":
            return op.args[k]
        if op.name == "slice":
            return self.element(op.args[0], op.data[0] + k * op.data[2])
        if op.name == "take":
            return self.element(op.args[0], int(self.tables.arrays[op.data][k]))
        return self.put("element", (vector,), k)

    def take(self, vector: int, index: np.ndarray) -> int:
        """`vector[index]`: a slice where the index is regular, a number where all members are the same."""
        assert len(index), "nothing is taken from nothing"
        op = self.ops[vector]
        if op.size is None:
            return vector
        if op.name == "table":
            return self.constants(self.tables.arrays[op.data][index])
        first = int(index[0])
        if len(index) > 1 and np.all(index == first):
            return self.element(vector, first)
        if op.name == "take":
            return self.take(op.args[0], self.tables.arrays[op.data][index])
        if op.name == "slice":
            return self.take(op.args[0], op.data[0] + op.data[2] * index)
        if op.name == "concatenate":
            low = 0
            for part in op.args:
                high = low + self.size(part)
                if low <= first < high:
                    if np.all((index >= low) & (index < high)):
                        return self.full(self.take(part, index - low), len(index))
                    break
                low = high
        step = int(index[1]) - first if len(index) > 1 else 1
        if step >= 1 and np.array_equal(index, first + step * np.arange(len(index))):
            if len(index) == op.size:
                return vector
            stop = first + step * (len(index) - 1) + 1
            return self.put("slice", (vector,), (first, stop, step), len(index))
        return self.put("take", (vector,), self.tables.name(index.astype(np.int32)), len(index))

    def size(self, vector: int) -> int:
        size = self.ops[vector].size
        assert size is not None, "a vector has a size"
        return size

    def concatenate(self, vectors: Sequence[int]) -> int:
        flat: list[int] = []
        for v in vectors:
            flat += self.ops[v].args if self.ops[v].name == "concatenate" else (v,)
        merged: list[int] = []
        for v in flat:
            constant = self._constant_vector(v)
            before = self._constant_vector(merged[-1]) if merged and constant is not None else None
            if constant is not None and before is not None:
                merged[-1] = self._table(np.concatenate([before, constant]))
            else:
                merged.append(v)
        if len(merged) == 1:
            return merged[0]
        return self.put("concatenate", tuple(merged), None, sum(self.size(v) for v in merged))

    def looked_up(self, name: str, vector: int, where: int, data: tuple[int, ...]) -> int:
        """`locate` or `fetch` in a vector; in a part of a vector where that is what it is."""
        op = self.ops[vector]
        if op.name == "slice" and op.data[2] == 1:
            return self.looked_up(name, op.args[0], where, (data[0] + op.data[0], *data[1:]))
        return self.put(name, (vector, where), data, self.ops[where].size)

    def _constant_vector(self, value: int) -> np.ndarray | None:
        op = self.ops[value]
        if op.name == "full" and op.size is not None and self.ops[op.args[0]].name == "number":
            return np.full(op.size, self.ops[op.args[0]].data)
        return self.tables.arrays[op.data] if op.name == "table" else None

    def _table(self, values: np.ndarray) -> int:
        """A constant vector, whatever it holds."""
        if len(values) and np.array_equal(values, np.full(len(values), values[0]), equal_nan=True):
            return self.full(self.number(values[0]), len(values))
        return self.put("table", (), self.tables.name(values), len(values))

    def stack(self, numbers: Sequence[int]) -> int:
        values = [self.known(n) for n in numbers]
        if all(v is not None for v in values):
            return self._table(np.array(values, dtype=float))
        return self.put("stack", tuple(numbers), None, len(numbers))

    def moved(self, op: "Op", args: Sequence[int], tables: dict[str, np.ndarray]) -> int:
        """`op`, which moves or sums entries and whose tables are `tables`, over other values of the same sizes."""
        match op.name:
            case "element":
                return self.element(args[0], op.data)
            case "slice":
                return self.take(args[0], np.arange(*op.data))
            case "take":
                return self.take(args[0], tables[op.data].astype(np.int64))
            case "take_sum":
                return self.put("take_sum", (args[0],), self.tables.name(tables[op.data]), op.size)
            case "sum":
                return self.put("sum", (args[0],), None, 1)
            case "full":
                return self.full(args[0], op.size or 0)
            case "stack":
                return self.stack(args)
            case "concatenate":
                return self.concatenate(args)
            case "place":
                return self.put("place", tuple(args), op.data, op.size)
            case "locate" | "fetch":
                return self.looked_up(op.name, args[0], args[1], op.data)
            case "scatter":
                return self.put("scatter", tuple(args), op.data, op.size)
            case "matmul":
                return self.matmul(args[0], args[1], op.data)
            case "outer":
                return self.outer(args[0], args[1], op.data)
        raise AssertionError(op.name)

    def vector(self, values: np.ndarray) -> int:
        """A constant vector, also where all entries are equal."""
        return self._table(np.asarray(values, dtype=float))

    # --- matrices ---

    def matmul(self, matrix: int, vectors: int, data: tuple[int, int, int, int, int, bool]) -> int:
        """Products of matrices and vectors."""
        times, rows, columns, batch, _, transposed = data
        return self.put("matmul", (matrix, vectors), data, times * batch * (columns if transposed else rows))

    def outer(self, x: int, y: int, data: tuple[int, int, int, int, int]) -> int:
        """Sums of outer products of vectors."""
        _, rows, columns, _, groups = data
        return self.put("outer", (x, y), data, groups * rows * columns)

    # --- sums ---

    def total(self, vector: int, owner: np.ndarray, size: int) -> int:
        """Sums of the entries of `vector` by their owner, as a vector of `size`; no order of owners needed.

        Gathers over padded tables, one for each width: they vectorise, and add in the same order every time.
        """
        counts = np.bincount(owner, minlength=size)
        if not len(owner):
            return self.number(0.0)
        if size == 1:
            return vector if self.size(vector) == 1 else self.put("sum", (vector,), None, 1)
        order = np.argsort(owner, kind="stable")
        first = np.cumsum(counts) - counts
        within = np.arange(len(owner)) - np.repeat(first, counts)
        if np.all(counts == 1):
            return self.take(vector, order)
        source, index = vector, np.arange(self.size(vector))
        while self.ops[source].name == "take":
            op = self.ops[source]
            source, index = op.args[0], self.tables.arrays[op.data][index]
        index = np.r_[index, self.size(source)]
        padded = source
        group = np.ceil(np.log2(np.maximum(counts, NARROW) / NARROW)).astype(np.int64)
        parts, members = [], []
        for g in np.unique(group):
            mine = np.flatnonzero(group == g)
            place = np.full(size, -1, dtype=np.int64)
            place[mine] = np.arange(len(mine))
            width = int(counts[mine].max())
            if width == 0:
                parts.append(self.full(self.number(0.0), len(mine)))
                members.append(mine)
                continue
            table = np.full((len(mine), width), len(owner), dtype=np.int64)
            entries = np.flatnonzero(group[owner[order]] == g)
            table[place[owner[order][entries]], within[entries]] = order[entries]
            if np.any(counts[mine] < width) and padded == source:
                padded = self.concatenate([source, self.full(self.number(0.0), 1)])
            base = padded if np.any(counts[mine] < width) else source
            name = self.tables.name(index[table].astype(np.int32))
            parts.append(self.put("take_sum", (base,), name, len(mine)))
            members.append(mine)
        return self.take(self.concatenate(parts), np.argsort(np.concatenate(members), kind="stable"))

    # --- finish ---

    def used(self, result: int) -> np.ndarray:
        """Mask of the operations that `result` needs, itself included."""
        used = np.zeros(len(self.ops), dtype=bool)
        used[result] = True
        for k in range(result, -1, -1):
            if used[k]:
                used[list(self.ops[k].args)] = True
        return used

    def follows(self, argument: str) -> np.ndarray:
        """Mask of the operations that depend on `argument`, and beside it on constants alone."""
        alone = np.zeros(len(self.ops), dtype=bool)
        constant = np.zeros(len(self.ops), dtype=bool)
        for k, op in enumerate(self.ops):
            if op.name == "input":
                alone[k] = op.data == argument
            else:
                args = list(op.args)
                constant[k] = constant[args].all()
                alone[k] = (alone[args] | constant[args]).all() and not constant[k]
        return alone

    def reads(self, value: int, arguments: tuple[str, ...]) -> bool:
        """Whether `value` depends on one of the arguments."""
        seen, waiting = {value}, [value]
        while waiting:
            op = self.ops[waiting.pop()]
            if op.name == "input" and op.data in arguments:
                return True
            new = set(op.args) - seen
            seen |= new
            waiting += new
        return False

    def work(self, used: np.ndarray) -> int:
        """Elementwise operations among `used`, number by number."""
        chosen = (self.ops[k] for k in np.flatnonzero(used).tolist())
        return sum(op.size or 1 for op in chosen if op.name in OPERATIONS)

    def needed(self, result: int) -> tuple[tuple[Op, ...], dict[int, str], dict[int, str]]:
        """The operations that `result` needs, renumbered; `result` is the last. Also their labels and notes."""
        kept = np.flatnonzero(self.used(result)).tolist()
        place = {old: new for new, old in enumerate(kept)}
        ops = tuple(
            Op(op.name, tuple(place[a] for a in op.args), op.data, op.size)
            for op in map(self.ops.__getitem__, kept)
        )
        labels, notes = (
            {place[k]: text for k, text in texts.items() if k in place} for texts in (self.labels, self.notes)
        )
        return ops, labels, notes
