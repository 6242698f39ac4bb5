"""The derivative of a function of a program with respect to time, as operations: explicit time and inputs over time."""

from collections.abc import Callable

import numpy as np

from stiffdsl.program.ops import Builder, Op, Tables
from stiffdsl.program.program import Function

_CONSTANT = ("number", "flag", "table")
_FLAT = ("floor", "ceil", "sign", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not")


def time_derivative(
    function: Function, tables: dict[str, np.ndarray]
) -> tuple[Function, dict[str, np.ndarray]] | None:
    """`rhs_t(t, y, p, u, u_t)` for `rhs(t, y, p, u)`, and its tables; None where nothing changes with time."""
    builder = Builder(Tables())
    forward = _Forward(builder, tables)
    values: list[int] = []
    tangents: list[int | None] = []
    for op in function.ops:
        value = forward.copied(op, [values[a] for a in op.args])
        values.append(value)
        tangents.append(forward.tangent(op, value, op.args, values, tangents))
    result = tangents[-1]
    if result is None:
        return None
    size = function.ops[-1].size
    assert size is not None, "f is a vector"
    ops, *_ = builder.needed(forward.whole(result, size))
    doc = "The derivative of f by time, at constant y."
    return Function("rhs_t", (*function.arguments, "u_t"), doc, ops), builder.tables.arrays


class _Forward:
    """Values and their derivatives by time; None is a derivative that is zero."""

    def __init__(self, builder: Builder, tables: dict[str, np.ndarray]):
        self.b, self.tables = builder, tables

    def copied(self, op: Op, args: list[int]) -> int:
        """`op` in this builder."""
        b = self.b
        match op.name:
            case "input" | "flag":
                return b.put(op.name, (), op.data, op.size)
            case "number":
                return b.number(op.data)
            case "table":
                return b.put("table", (), b.tables.name(self.tables[op.data]), op.size)
            case "take_sum":
                return b.put("take_sum", tuple(args), b.tables.name(self.tables[op.data]), op.size)
            case "place":
                return b.put("place", tuple(args), op.data, op.size)
            case "element" | "slice" | "take" | "sum" | "full" | "stack" | "concatenate":
                return self._moved(op, args)
            case name:
                return b.apply(name, *args)

    def _moved(self, op: Op, args: list[int]) -> int:
        b = self.b
        match op.name:
            case "element":
                return b.element(args[0], op.data)
            case "slice":
                return b.take(args[0], np.arange(*op.data))
            case "take":
                return b.take(args[0], self.tables[op.data].astype(np.int64))
            case "take_sum":
                return b.put("take_sum", (args[0],), b.tables.name(self.tables[op.data]), op.size)
            case "sum":
                return b.put("sum", (args[0],), None, 1)
            case "full":
                return b.full(args[0], op.size or 0)
            case "stack":
                return b.stack(args)
            case "concatenate":
                return b.concatenate(args)
        raise AssertionError(op.name)

    def whole(self, tangent: int | None, size: int) -> int:
        """A derivative as a vector."""
        return self.b.full(self.b.number(0.0) if tangent is None else tangent, size)

    def tangent(
        self, op: Op, value: int, args: tuple[int, ...], values: list[int], tangents: list[int | None]
    ) -> int | None:
        b = self.b
        if op.name == "input":
            if op.data == "t":
                return b.number(1.0)
            return b.put("input", (), "u_t", op.size) if op.data == "u" else None
        if op.name in _CONSTANT or op.name in _FLAT or all(tangents[a] is None for a in args):
            return None
        if op.name == "stack":
            return b.stack([self._or_zero(tangents[a]) for a in args])
        if op.name == "place":
            parts = tuple(self.whole(tangents[a], b.size(values[a])) for a in args)
            return b.put("place", parts, op.data, op.size)
        if op.name == "concatenate":
            return b.concatenate([self.whole(tangents[a], b.size(values[a])) for a in args])
        if op.name in ("element", "slice", "take", "take_sum", "sum", "full"):
            inner = tangents[args[0]]
            size = b.ops[values[args[0]]].size
            assert inner is not None
            return self._moved(op, [inner if size is None else self.whole(inner, size)])
        return self._chain(op.name, value, [values[a] for a in args], [tangents[a] for a in args])

    def _or_zero(self, tangent: int | None) -> int:
        return self.b.number(0.0) if tangent is None else tangent

    def _chain(self, name: str, value: int, args: list[int], tangents: list[int | None]) -> int | None:
        """The chain rule for an elementwise operation."""
        apply = self.b.apply
        if name == "select":
            return apply("select", args[0], self._or_zero(tangents[1]), self._or_zero(tangents[2]))
        total = None
        for k, tangent in enumerate(tangents):
            if tangent is not None:
                term = _PARTIALS[name](self.b, k, value, args, tangent)
                total = term if total is None else apply("add", total, term)
        return total


_Partial = Callable[[Builder, int, int, list[int], int], int]


def _unary(partial: Callable[[Builder, int, int], tuple[str, int]]) -> _Partial:
    """A rule `(builder, argument, value) -> ("mul" or "div", factor)`."""

    def rule(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
        name, factor = partial(b, args[0], value)
        return b.apply(name, d, factor)

    return rule


def _power(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    base, exponent = args
    if k == 0:
        less = b.apply("sub", exponent, b.number(1.0))
        return b.apply("mul", d, b.apply("mul", exponent, b.apply("pow", base, less)))
    zero = b.apply("eq", base, b.number(0.0))
    logarithm = b.apply("log", b.apply("select", zero, b.number(1.0), base))
    return b.apply("mul", d, b.apply("mul", logarithm, value))


def _quotient(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    if k == 0:
        return b.apply("div", d, args[1])
    return b.apply("neg", b.apply("div", b.apply("mul", value, d), args[1]))


def _arctangent2(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    square = b.apply("add", b.apply("mul", args[0], args[0]), b.apply("mul", args[1], args[1]))
    term = b.apply("div", b.apply("mul", d, args[1 - k]), square)
    return b.apply("neg", term) if k else term


def _shifted_square(b: Builder, name: str, x: int) -> int:
    """1 + x^2 or 1 - x^2."""
    return b.apply(name, b.number(1.0), b.apply("mul", x, x))


_PARTIALS: dict[str, _Partial] = {
    "add": lambda b, k, value, args, d: d,
    "sub": lambda b, k, value, args, d: b.apply("neg", d) if k else d,
    "mul": lambda b, k, value, args, d: b.apply("mul", d, args[1 - k]),
    "div": _quotient,
    "neg": lambda b, k, value, args, d: b.apply("neg", d),
    "pow": _power,
    "atan2": _arctangent2,
    "sqrt": _unary(lambda b, x, v: ("div", b.apply("mul", b.number(2.0), v))),
    "exp": _unary(lambda b, x, v: ("mul", v)),
    "log": _unary(lambda b, x, v: ("div", x)),
    "sin": _unary(lambda b, x, v: ("mul", b.apply("cos", x))),
    "cos": _unary(lambda b, x, v: ("mul", b.apply("neg", b.apply("sin", x)))),
    "tan": _unary(lambda b, x, v: ("mul", _shifted_square(b, "add", v))),
    "asin": _unary(lambda b, x, v: ("div", b.apply("sqrt", _shifted_square(b, "sub", x)))),
    "acos": _unary(lambda b, x, v: ("div", b.apply("neg", b.apply("sqrt", _shifted_square(b, "sub", x))))),
    "atan": _unary(lambda b, x, v: ("div", _shifted_square(b, "add", x))),
    "sinh": _unary(lambda b, x, v: ("mul", b.apply("cosh", x))),
    "cosh": _unary(lambda b, x, v: ("mul", b.apply("sinh", x))),
    "tanh": _unary(lambda b, x, v: ("mul", _shifted_square(b, "sub", v))),
    "asinh": _unary(lambda b, x, v: ("div", b.apply("sqrt", _shifted_square(b, "add", x)))),
    "abs": _unary(lambda b, x, v: ("mul", b.apply("sign", x))),
}
