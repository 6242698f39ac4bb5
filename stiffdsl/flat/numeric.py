"""The meaning of operators and functions on numbers that are known when a model is compiled, and templates as functions
over NumPy."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.numpy import NumPyPrinter

from stiffdsl.check.calculate import FUNCTIONS as OF_NUMBERS
from stiffdsl.diagnostics import Span
from stiffdsl.flat.instance import Fault
from stiffdsl.flat.template import Skeleton

# The value of an expanded expression: numbers, or a template's skeleton.
Value = np.ndarray | Skeleton

FUNCTIONS: dict[str, Callable] = {
    **OF_NUMBERS,
    "min": lambda *args: np.minimum.reduce(np.broadcast_arrays(*args)),
    "max": lambda *args: np.maximum.reduce(np.broadcast_arrays(*args)),
}

# By operator: its name in a skeleton, and its meaning.
OPERATORS: dict[str, tuple[str, Callable]] = {
    "*": ("mul", np.multiply),
    "/": ("div", np.divide),
    "^": ("pow", np.power),
    "<": ("<", np.less),
    "<=": ("<=", np.less_equal),
    ">": (">", np.greater),
    ">=": (">=", np.greater_equal),
    "==": ("==", np.equal),
    "!=": ("!=", np.not_equal),
    "and": ("and", np.logical_and),
    "or": ("or", np.logical_or),
}

REDUCTIONS = {"sum": "add", "prod": "mul", "min": "min", "max": "max"}


def truth(value: np.ndarray) -> np.ndarray:
    """A number is true where it is not zero."""
    return value if value.dtype == bool else value != 0


def reduced(
    function: str, values: np.ndarray, owner: np.ndarray, counts: np.ndarray, span: Span
) -> np.ndarray:
    """`values` reduced by their `owner`; `counts` tells how many values each owner has."""
    start = {"sum": 0.0, "prod": 1.0, "min": np.inf, "max": -np.inf}[function]
    if function in ("min", "max") and np.any(counts == 0):
        raise Fault("E0308", f"`{function}` of nothing has no value", span)
    result = np.full(len(counts), start)
    {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum}[function].at(
        result, owner, values
    )
    return result


# The argument of a compiled expression that looks into tables, and calls networks as `lookup_in.network`.
LOOKUP = "lookup_in"


class _Printer(NumPyPrinter):
    """NumPy code of the language's own functions too."""

    def _print_Where(self, e):
        condition, yes, no = (self._print(a) for a in e.args)
        return f"numpy.where({condition}, {yes}, {no})"

    def _print_Scaled(self, e):
        factor, value = (self._print(a) for a in e.args)
        return f"numpy.where(numpy.equal({factor}, 0), 0, ({factor})*({value}))"

    def _print_Lookup(self, e):
        if LOOKUP not in self._settings["user_functions"] or sum(e.orders):
            return self._print_not_supported(e)
        return f"{LOOKUP}({e.number}, {', '.join(self._print(a) for a in e.inner)})"

    def _print_Network(self, e):
        if LOOKUP not in self._settings["user_functions"] or e.directions:
            return self._print_not_supported(e)
        return f"{LOOKUP}.network({e.number}, {', '.join(self._print(a) for a in e.args[2:])})"

    # Conditions may be of different shapes: on time alone, on numbers of members, on both.
    def _print_And(self, expr):
        return reduce(lambda a, b: f"numpy.logical_and({a}, {b})", [self._print(a) for a in expr.args])

    def _print_Or(self, expr):
        return reduce(lambda a, b: f"numpy.logical_or({a}, {b})", [self._print(a) for a in expr.args])

    def _print_Floor(self, e):
        return f"numpy.floor({self._print(e.args[0])})"

    def _print_Ceil(self, e):
        return f"numpy.ceil({self._print(e.args[0])})"


def compiled(names: Sequence[sp.Basic], expressions: sp.Basic | list[Any]) -> Callable[..., Any]:
    """The value, or the values, of expressions in the symbols `names`, member by member. Raises `NotImplementedError`
    for a function that has no meaning over NumPy, such as a table where no name is `LOOKUP`: a function of the number
    of a table and its arguments."""
    known = {LOOKUP: LOOKUP} if any(str(name) == LOOKUP for name in names) else {}
    printer = _Printer(
        {"fully_qualified_modules": True, "allow_unknown_functions": False, "user_functions": known}
    )
    return sp.lambdify(names, expressions, ["numpy", {"numpy": np}], printer=printer, cse=False)
