"""Two ways to write the same program: over vectors, or member by member for a small model.

A small irregular model written over vectors is gathers of three numbers: XLA runs each as a kernel of its own. The
same model written over scalars is one fused kernel. A large model written over scalars would never compile.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import sympy as sp

from stiffdsl.flat.model import TIME, slot
from stiffdsl.program.printing import python

# Owners with at most this many terms are summed over a padded table, which vectorises; others by segments.
PADDED = 8

_TOKEN = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


@dataclass(frozen=True, eq=False)
class Value:
    """`size` numbers: a vector called `text`, one number for all (`uniform`), or a name for each (`names`)."""

    size: int
    text: str = ""
    uniform: bool = False
    names: tuple[str, ...] = ()


class Emitter(Protocol):
    """What lowering needs; positions are NumPy arrays known at compile time."""

    lines: list[str]

    def input(self, name: str, size: int) -> Value: ...
    def constants(self, values: np.ndarray) -> Value: ...
    def take(self, sources: list[Value], source: np.ndarray, position: np.ndarray) -> Value: ...
    def apply(self, template: sp.Expr, symbols: dict[str, Value], size: int, label: str = "") -> Value: ...
    def total(self, value: Value, owner: np.ndarray, size: int) -> Value: ...
    def product(self, one: Value, other: Value) -> Value: ...
    def vector(self, value: Value) -> str: ...


@dataclass(eq=False)
class Tables:
    """Constant arrays of a program, one for each distinct content."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    _known: dict[tuple, str] = field(default_factory=dict)

    def name(self, array: np.ndarray) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"T{len(self.arrays)}"
            self.arrays[self._known[key]] = array
        return self._known[key]


class VectorEmitter:
    """Writes operations over whole arrays."""

    def __init__(self, tables: Tables):
        self.tables = tables
        self.lines: list[str] = []
        self._count = 0
        self._known: dict[str, str] = {}

    def _let(self, text: str) -> str:
        if text not in self._known:
            self._count += 1
            self._known[text] = f"v{self._count}"
            self.lines.append(f"v{self._count} = {text}")
        return self._known[text]

    def input(self, name: str, size: int) -> Value:
        return Value(size, name)

    def constants(self, values: np.ndarray) -> Value:
        values = np.asarray(values, dtype=float)
        if len(values) and np.all((values == values[0]) | (np.isnan(values) & np.isnan(values[0]))):
            return Value(len(values), _number(float(values[0])), uniform=True)
        return Value(len(values), self.tables.name(values))

    def take(self, sources: list[Value], source: np.ndarray, position: np.ndarray) -> Value:
        used = np.unique(source)
        size = len(position)
        if size == 0:
            return Value(0, "xp.zeros(0)")
        if len(used) == 1:
            return self._from_one(sources[int(used[0])], position)
        parts, shift = [], np.zeros(int(used[-1]) + 1, dtype=np.int64)
        at = 0
        for k in used:
            value = sources[int(k)]
            shift[k] = at
            low, high = int(position[source == k].min()), int(position[source == k].max()) + 1
            shift[k] -= low
            at += high - low
            parts.append(self._whole(self._from_one(value, np.arange(low, high))))
        pool = self._let(f"xp.concatenate([{', '.join(parts)}])")
        return self._from_one(Value(at, pool), position + shift[source], size)

    def _from_one(self, value: Value, position: np.ndarray, size: int | None = None) -> Value:
        size = len(position) if size is None else size
        if value.uniform:
            return Value(size, value.text, uniform=True)
        if size == 0:
            return Value(0, "xp.zeros(0)")
        first = int(position[0])
        if size > 1 and np.all(position == first):
            return Value(size, self._let(f"{value.text}[{first}]"), uniform=True)
        step = int(position[1]) - first if size > 1 else 1
        if step >= 1 and np.array_equal(position, first + step * np.arange(size)):
            if size == value.size and step == 1:
                return Value(size, value.text)
            stop = first + step * (size - 1) + 1
            stride = "" if step == 1 else f":{step}"
            return Value(size, self._let(f"{value.text}[{first}:{stop}{stride}]"))
        return Value(size, self._let(f"take({value.text}, {self.tables.name(position.astype(np.int32))})"))

    def apply(self, template: sp.Expr, symbols: dict[str, Value], size: int, label: str = "") -> Value:
        free = {s.name for s in template.free_symbols}
        if not free:
            return Value(size, python(template), uniform=True)
        uniform = all(symbols[n].uniform for n in free if n != TIME.name)
        names = {n: (symbols[n].text if n != TIME.name else "t") for n in free}
        if template.is_Symbol:
            return Value(size, names[template.name], uniform=uniform)
        return Value(size, self._let(_substituted(template, names)), uniform=uniform)

    def total(self, value: Value, owner: np.ndarray, size: int) -> Value:
        text = self._whole(value)
        counts = np.bincount(owner, minlength=size)
        if size == 1:
            return Value(1, self._let(f"xp.sum({text}, keepdims=True)"))
        width = int(counts.max(initial=0))
        if width == 0:
            return Value(size, "0.0", uniform=True)
        if width == 1 and np.all(counts == 1):
            return self._from_one(Value(value.size, text), np.argsort(owner, kind="stable"))
        if width <= PADDED:
            order = np.argsort(owner, kind="stable")
            within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
            table = np.full((size, width), value.size, dtype=np.int32)
            table[owner[order], within] = order
            if np.all(counts == width):
                return Value(size, self._let(f"xp.sum(take({text}, {self.tables.name(table)}), axis=1)"))
            padded = self._let(f"xp.concatenate([{text}, xp.zeros(1)])")
            return Value(size, self._let(f"xp.sum(take({padded}, {self.tables.name(table)}), axis=1)"))
        table_name = self.tables.name(owner.astype(np.int32))
        return Value(size, self._let(f"segment_sum({text}, {table_name}, {size})"))

    def _whole(self, value: Value) -> str:
        """`value` as a vector of its full size."""
        return self._let(f"xp.full({value.size}, {value.text})") if value.uniform else value.text

    def product(self, one: Value, other: Value) -> Value:
        for a, b in ((one, other), (other, one)):
            if a.uniform and a.text == "1.0":
                return b
        return self.apply(slot(0) * slot(1), {"s0": one, "s1": other}, one.size)

    def vector(self, value: Value) -> str:
        return self._whole(value)


class ScalarEmitter:
    """Writes every member on a line of its own, under the name of its unknown where it has one."""

    def __init__(self):
        self.lines: list[str] = []
        self._count = 0
        self._known: dict[str, str] = {}

    def _let(self, text: str, label: str = "") -> str:
        if text not in self._known:
            self._count += 1
            name = f"v{self._count}" + (f"_{label}" if label else "")
            self._known[text] = name
            self.lines.append(f"{name} = {text}")
        return self._known[text]

    def input(self, name: str, size: int) -> Value:
        return Value(size, name, names=tuple(f"{name}[{k}]" for k in range(size)))

    def constants(self, values: np.ndarray) -> Value:
        return Value(len(values), names=tuple(_number(float(v)) for v in values))

    def take(self, sources: list[Value], source: np.ndarray, position: np.ndarray) -> Value:
        names = (sources[int(s)].names[int(k)] for s, k in zip(source, position, strict=True))
        return Value(len(position), names=tuple(self._let(n) if "[" in n else n for n in names))

    def apply(self, template: sp.Expr, symbols: dict[str, Value], size: int, label: str = "") -> Value:
        free = {s.name for s in template.free_symbols}
        names = []
        for m in range(size):
            here = {n: (symbols[n].names[m] if n != TIME.name else "t") for n in free}
            if template.is_Symbol:
                names.append(here[template.name])
            elif not free:
                names.append(python(template))
            else:
                names.append(self._let(_substituted(template, here)))
        return Value(size, names=tuple(names))

    def total(self, value: Value, owner: np.ndarray, size: int) -> Value:
        names = []
        for k in range(size):
            terms = [value.names[int(i)] for i in np.flatnonzero(owner == k)]
            names.append(self._let(" + ".join(terms)) if len(terms) > 1 else (terms[0] if terms else "0.0"))
        return Value(size, names=tuple(names))

    def product(self, one: Value, other: Value) -> Value:
        names = []
        for a, b in zip(one.names, other.names, strict=True):
            names.append(b if a == "1.0" else a if b == "1.0" else self._let(f"{a}*{b}"))
        return Value(one.size, names=tuple(names))

    def vector(self, value: Value) -> str:
        if not value.names:
            return "xp.zeros(0)"
        return f"stack([{', '.join(value.names)}])"


def _number(value: float) -> str:
    """A number that stays itself inside any expression: `(-1.0)**2` is one."""
    if np.isnan(value):
        return "xp.nan"
    if not np.isfinite(value):
        return "(-xp.inf)" if value < 0 else "xp.inf"
    return f"({value!r})" if value < 0 else repr(value)


def _substituted(template: sp.Expr, names: dict[str, str]) -> str:
    """The text of a template with the names of its slots; a token is replaced whole."""
    text = python(template)
    out, at = [], 0
    for start, stop, token in _tokens(text):
        out += [text[at:start], names.get(token, token)]
        at = stop
    return "".join(out) + text[at:]


def _tokens(text: str):
    for match in _TOKEN.finditer(text):
        yield match.start(), match.end(), match.group()
