"""The number that a checked expression comes to, where all it names is known."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stiffdsl.elementary import ELEMENTARY
from stiffdsl.syntax import tree

# Functions by the language's names, member by member.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: function.meaning for name, function in ELEMENTARY.items()},
    "atan2": np.arctan2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "mod": lambda a, b: a - b * np.floor(a / b),
    "smooth_step": lambda x, width: (1 + np.tanh(x / width)) / 2,
    "noevent": lambda x: x,
}
_FUNCTIONS = {**FUNCTIONS, "min": lambda *values: min(values), "max": lambda *values: max(values)}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
}
_NAMES = {"pi": np.pi, "true": 1.0, "false": 0.0}


def value_of(expr: tree.Expr, names: Mapping[str, float] | None = None) -> float | None:
    """The value of `expr` with `names` known (beside `pi`, `true`, `false`); None where it is or names something
    else: an array, a loop, a variable."""
    with np.errstate(all="ignore"):
        try:
            return float(_value(expr, {**_NAMES, **(names or {})}))
        except _NotANumber:
            return None


def numbers_of(expr: tree.Expr) -> float | list | None:
    """The number or the array of numbers (in lists) that `expr` comes to, or None."""
    if not isinstance(expr, tree.ArrayLiteral):
        return value_of(expr)
    items = [numbers_of(item) for item in expr.items]
    return None if any(item is None for item in items) else items


class _NotANumber(Exception):
    """The expression holds what has no number here."""


def _value(expr: tree.Expr, names: Mapping[str, float]) -> Any:
    match expr:
        case tree.Number(value, None):
            return np.float64(value)
        case tree.Name((tree.Part(name, ()),)) if name in names:
            return np.float64(names[name])
        case tree.Unary(operator, operand):
            value = _value(operand, names)
            return float(not value) if operator == "not" else -value
        case tree.Binary(operator, left, right):
            return _OPERATORS[operator](_value(left, names), _value(right, names))
        case tree.If(condition, yes, no):
            return _value(yes if _value(condition, names) else no, names)
        case tree.Call(function, arguments, ()) if function in _FUNCTIONS and arguments:
            return _FUNCTIONS[function](*(_value(a, names) for a in arguments))
    raise _NotANumber
