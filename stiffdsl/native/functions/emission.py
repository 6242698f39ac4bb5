"""Functions of a program as LLVM IR: number by number for a small one, in loops over vectors for a large one."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from stiffdsl.native.functions.loop_code import PRODUCTS, Looped, added_in_place
from stiffdsl.native.ir import elementary
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function

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

    @property
    def stride(self) -> int:
        """The distance of entries of one lane."""
        return self._code.lanes

    def looked_up(self, op: Op, argument: str) -> str:
        """`locate` or `fetch` in the array."""
        first, count, *by = op.data
        place = self._code.at(self._pointer, first * self.stride, "double")
        if op.name == "locate":
            return self._code.located(place, count, argument, self.stride)
        return self._code.fetched(place, argument, count, by[0], self.stride)


class Shared(Entries):
    """The entries of an array that all lanes share."""

    def __getitem__(self, k: int) -> str:
        if k not in self._loaded:
            self._loaded[k] = self._code.spread(self._pointer, k)
        return self._loaded[k]

    @property
    def stride(self) -> int:
        return 1


def size_written_out(function: Function) -> int:
    """Operations, counted number by number."""
    return sum(_work(op) for op in function.ops if op.name not in ("input", "number", "flag", "table"))


def _work(op: Op) -> int:
    return prod(op.data[:4]) if op.name in PRODUCTS else op.size or 1


def unrolled(
    code: Code, function: Function, tables: dict[str, np.ndarray], arguments: dict[str, Any]
) -> Sequence[str]:
    """The entries of the result. `arguments`: a value for `t`, sequences of values or `Entries` for vectors."""
    values: dict[int, Any] = {}
    for names, ops in _in_layers(function):
        if names:
            _side_by_side(code, function, ops, values)
            continue
        for k in ops:
            op = function.ops[k]
            args = [values[a] for a in op.args]
            if op.name in ("sum", "place", "concatenate"):
                # These go through all entries: one that stands for an array does not know how many it has.
                args = [[values[a][j] for j in range(function.ops[a].size or 0)] for a in op.args]
            values[k] = arguments[op.data] if op.name == "input" else _written_out(code, op, args, tables)
    result, size = values[len(function.ops) - 1], function.ops[-1].size
    # An argument that is the result as it is has no end of its own: `Entries` load whatever they are asked for.
    return result if size is None else [result[k] for k in range(size)]


def _in_layers(function: Function) -> list[tuple[str, list[int]]]:
    """The operations in an order in which the same elementary function of several values comes at once: its name and
    their numbers, in turns with what lies between, under no name."""
    depth: list[int] = []
    for op in function.ops:
        own = elementary.known(op.name)
        depth.append(max((depth[a] for a in op.args), default=0) + own)
    layers: dict[tuple[int, bool, str], list[int]] = {}
    for k, op in enumerate(function.ops):
        own = elementary.known(op.name)
        layers.setdefault((depth[k], not own, op.name if own else ""), []).append(k)
    return [(name, layers[depth, last, name]) for depth, last, name in sorted(layers)]


def _side_by_side(code: Code, function: Function, ops: list[int], values: dict[int, Any]) -> None:
    """The values of `ops`, one elementary function of different arguments."""
    given: list[list[str]] = []
    for k in ops:
        op = function.ops[k]
        value = values[op.args[0]]
        given.append([value] if op.size is None else [value[j] for j in range(op.size)])
    found = iter(
        elementary.side_by_side(code, function.ops[ops[0]].name, [v for part in given for v in part])
    )
    for k, part in zip(ops, given, strict=True):
        results = [next(found) for _ in part]
        values[k] = results[0] if function.ops[k].size is None else results


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
        case "matmul":
            return _products(code, *args, *op.data)
        case "outer":
            return _outer_products(code, *args, *op.data)
        case "locate" | "fetch":
            array, at = args
            assert isinstance(array, Entries), "tables lie in an argument of the function"
            return (
                array.looked_up(op, at)
                if op.size is None
                else [array.looked_up(op, at[k]) for k in range(op.size)]
            )
    if op.size is None:
        return code.apply(op.name, *args)
    return [code.apply(op.name, *(a if isinstance(a, str) else a[k] for a in args)) for k in range(op.size)]


def _products(code, matrix, vectors, times, rows, columns, batch, groups, transposed) -> list[str]:
    """`matmul` number by number."""
    outputs, inputs = (columns, rows) if transposed else (rows, columns)

    def entry(b: int, o: int, i: int) -> str:
        row, column = (i, o) if transposed else (o, i)
        return matrix[(b % groups * rows + row) * columns + column]

    return [
        code.total(
            [code.apply("mul", entry(b, o, i), vectors[(d * inputs + i) * batch + b]) for i in range(inputs)]
        )
        for d in range(times)
        for o in range(outputs)
        for b in range(batch)
    ]


def _outer_products(code, x, y, times, rows, columns, batch, groups) -> list[str]:
    """`outer` number by number."""
    return [
        code.total(
            [
                code.apply("mul", x[(d * rows + r) * batch + b], y[(d * columns + c) * batch + b])
                for d in range(times)
                for b in range(g, batch, groups)
            ]
        )
        for g in range(groups)
        for r in range(rows)
        for c in range(columns)
    ]


def emit_function(
    module: IRModule,
    function: Function,
    tables: dict[str, np.ndarray],
    name: str | None = None,
    summed: range = range(0),
) -> int:
    """Adds `void name(t, y, p, u, …, result, scratch)` to the module; returns the doubles of scratch it needs.

    Of the entries `summed` of the result, those that `parts_added` names are added to one more argument, `sum`.
    """
    kinds = [("double" if a in SCALARS else "ptr", a) for a in function.arguments]
    if parts_added(module, function, summed):
        kinds.append(("ptr", "sum"))
    else:
        summed = range(0)
    attributes = "noinline"
    code = Code(
        module, name or function.name, [*kinds, ("ptr", "result"), ("ptr", "scratch")], attributes=attributes
    )
    needed = 0
    if not _in_loops(module, function):
        arguments = {a: f"%{a}" if a in SCALARS else Entries(code, f"%{a}") for a in function.arguments}
        for k, value in enumerate(unrolled(code, function, tables, arguments)):
            code.store(value, "%result", k)
    else:
        needed = Looped(code, function, tables, summed).write()
    code.put("ret void")
    code.finish()
    return needed


def _in_loops(module: IRModule, function: Function) -> bool:
    """Whether a function is written in loops over vectors."""
    scatters = any(op.name == "scatter" for op in function.ops)
    return scatters or size_written_out(function) > module.form.unrolled_function


def parts_added(module: IRModule, function: Function, summed: range) -> list[range]:
    """The entries of the result that the code of a function adds to its argument `sum`, part by part."""
    return added_in_place(function, summed) if _in_loops(module, function) else []
