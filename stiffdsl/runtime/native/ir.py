"""Functions of a program as LLVM IR: number by number for a small one, in loops over vectors for a large one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stiffdsl.program.ops import ELEMENTWISE, Op
from stiffdsl.program.program import Function
from stiffdsl.runtime.native.code import Code, Module

_BOOLEAN = ("flag", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not")
# A function with more operations than this, counted number by number, is written in loops.
STRAIGHT = 1200
# Arguments that are single numbers.
SCALARS = ("t", "t_dot")


class Entries:
    """The entries of an array, each loaded when it is first used and then kept in a register."""

    def __init__(self, code: Code, pointer: str):
        self._code, self._pointer = code, pointer
        self._loaded: dict[int, str] = {}

    def __getitem__(self, k: int) -> str:
        if k not in self._loaded:
            self._loaded[k] = self._code.load(self._pointer, k)
        return self._loaded[k]


class Shared(Entries):
    """The entries of an array that all lanes share."""

    def __getitem__(self, k: int) -> str:
        if k not in self._loaded:
            self._loaded[k] = self._code.spread(self._pointer, k)
        return self._loaded[k]


def size_written_out(function: Function) -> int:
    """Operations, counted number by number."""
    return sum(op.size or 1 for op in function.ops if op.name not in ("input", "number", "flag", "table"))


def straight(
    code: Code, function: Function, tables: dict[str, np.ndarray], arguments: dict[str, Any]
) -> Sequence[str]:
    """The entries of the result. `arguments`: a value for `t`, sequences of values or `Entries` for vectors."""
    values: list[Any] = []
    for op in function.ops:
        args = [values[a] for a in op.args]
        if op.name in ("sum", "place", "concatenate"):
            # These go through all entries: one that stands for an array does not know how many it has.
            args = [[values[a][k] for k in range(function.ops[a].size or 0)] for a in op.args]
        values.append(arguments[op.data] if op.name == "input" else _written_out(code, op, args, tables))
    return values[-1]


def _written_out(code: Code, op: Op, args: list[Any], tables: dict[str, np.ndarray]) -> Any:
    match op.name:
        case "number":
            return code.number(op.data)
        case "flag":
            return code.flag(op.data)
        case "table":
            return [code.number(v) for v in tables[op.data].tolist()]
        case "element":
            return args[0][op.data]
        case "slice":
            return [args[0][k] for k in range(*op.data)]
        case "take":
            return [args[0][k] for k in tables[op.data].tolist()]
        case "take_sum":
            return [code.total([args[0][k] for k in row]) for row in tables[op.data].tolist()]
        case "sum":
            return [code.total(args[0])]
        case "full":
            return [args[0]] * (op.size or 0)
        case "stack":
            return args
        case "place":
            whole, part = args
            return [*whole[: op.data], *part, *whole[op.data + len(part) :]]
        case "concatenate":
            return [v for a in args for v in a]
    if op.size is None:
        return code.apply(op.name, *args)
    return [code.apply(op.name, *(a if isinstance(a, str) else a[k] for a in args)) for k in range(op.size)]


def emit_function(
    module: Module, function: Function, tables: dict[str, np.ndarray], name: str | None = None
) -> int:
    """Adds `void name(t, y, p, u, …, result, scratch)` to the module; returns the doubles of scratch it needs."""
    kinds = [("double" if a in SCALARS else "ptr", a) for a in function.arguments]
    attributes = "noinline"
    code = Code(
        module, name or function.name, [*kinds, ("ptr", "result"), ("ptr", "scratch")], attributes=attributes
    )
    needed = 0
    if size_written_out(function) <= STRAIGHT:
        arguments = {a: f"%{a}" if a in SCALARS else Entries(code, f"%{a}") for a in function.arguments}
        for k, value in enumerate(straight(code, function, tables, arguments)):
            code.store(value, "%result", k)
    else:
        needed = _Looped(code, function, tables).write()
    code.put("ret void")
    code.finish()
    return needed


class _Looped:
    """Vectors in loops: what is used once is computed where it is used, everything else in an array of its own."""

    def __init__(self, code: Code, function: Function, tables: dict[str, np.ndarray]):
        self.code, self.ops, self.tables = code, function.ops, tables
        self.needed = 0
        self.places: dict[int, str] = {}
        self.numbers: dict[int, str] = {}
        self.stored = self._stored()

    def _stored(self) -> list[bool]:
        """Which vectors get an array."""
        uses = [0] * len(self.ops)
        gathered = [False] * len(self.ops)
        for op in self.ops:
            for a in op.args:
                uses[a] += 1
                gathered[a] |= op.name in ("take", "take_sum", "sum", "slice")
        last = len(self.ops) - 1
        return [
            op.size is not None
            and (
                k == last
                or op.name in ("stack", "place", "concatenate", "sum", "take_sum")
                or (op.name in ELEMENTWISE and (uses[k] > 1 or gathered[k]))
            )
            for k, op in enumerate(self.ops)
        ]

    def write(self) -> int:
        for k, op in enumerate(self.ops):
            if op.size is None:
                self.numbers[k] = self._number(op)
            elif self.stored[k]:
                self._store(k, op)
        return self.needed

    def _number(self, op: Op) -> str:
        match op.name:
            case "input":
                return f"%{op.data}"
            case "number":
                return self.code.number(op.data)
            case "flag":
                return self.code.flag(op.data)
            case "element":
                return self._item(op.args[0], str(op.data))
        return self.code.apply(op.name, *(self.numbers[a] for a in op.args))

    def _store(self, k: int, op: Op) -> None:
        """Computes vector k into its array."""
        code, size = self.code, op.size or 0
        if k == len(self.ops) - 1:
            place = "%result"
        else:
            place = code.at("%scratch", self.needed)
            self.needed += size
        match op.name:
            case "stack":
                for i, a in enumerate(op.args):
                    code.store(self.numbers[a], place, i)
            case "concatenate":
                at = 0
                for a in op.args:
                    part = self.ops[a].size or 0
                    self._fill(code.at(place, at), part, lambda i, a=a: self._item(a, i))
                    at += part
            case "place":
                whole, part = op.args
                self._fill(place, size, lambda i: self._item(whole, i))
                inner = code.at(place, op.data)
                self._fill(inner, self.ops[part].size or 0, lambda i: self._item(part, i))
            case "sum":
                total = code.variable(code.real, code.number(0.0))
                with code.loop(self.ops[op.args[0]].size or 0) as i:
                    code.store(code.apply("add", code.load(total), self._item(op.args[0], i)), total)
                code.store(code.load(total), place)
            case "take_sum":
                width = self.tables[op.data].shape[1]
                self._fill(place, size, lambda i: self._row_sum(op, i, width))
            case _:
                self._fill(place, size, lambda i: self._item(k, i, inside=True))
        self.places[k] = place

    def _fill(self, place: str, size: int, item: Callable[[str], str]) -> None:
        code = self.code
        with code.loop(size) as i:
            value = item(i)
            code.store(value, place, i)

    def _row_sum(self, op: Op, i: str, width: int) -> str:
        code, table = self.code, self.code.module.constants(self.tables[op.data])
        first = code.integer("mul", i, str(width))
        if width <= 8:
            places = [code.index(table, code.integer("add", first, str(j))) for j in range(width)]
            return code.total([self._item(op.args[0], place) for place in places])
        total = code.variable(code.real)
        code.store(code.number(0.0), total)
        with code.loop(width) as j:
            item = self._item(op.args[0], code.index(table, code.integer("add", first, j)))
            code.store(code.apply("add", code.load(total), item), total)
        return code.load(total)

    def _item(self, k: int, i: str, inside: bool = False) -> str:
        """Entry i (an i64) of vector k, or number k."""
        code, op = self.code, self.ops[k]
        if op.size is None:
            return self.numbers[k]
        if self.stored[k] and not inside:
            value = code.load(self.places[k], i)
            return code.apply("ne", value, code.number(0.0)) if op.name in _BOOLEAN else value
        match op.name:
            case "input":
                return code.load(f"%{op.data}", i)
            case "table":
                return code.load(code.module.constants(self.tables[op.data]), i)
            case "full":
                return self.numbers[op.args[0]]
            case "slice":
                start, _, step = op.data
                scaled = i if step == 1 else code.integer("mul", i, str(step))
                return self._item(op.args[0], code.integer("add", scaled, str(start)) if start else scaled)
            case "take":
                return self._item(op.args[0], code.index(code.module.constants(self.tables[op.data]), i))
        value = code.apply(op.name, *(self._item(a, i) for a in op.args))
        if inside and op.name in _BOOLEAN:
            return code.select(value, code.number(1.0), code.number(0.0))
        return value
