"""Templates as functions over NumPy, for numbers that are known when a model is compiled, and for checks."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.numpy import NumPyPrinter


class _Printer(NumPyPrinter):
    """NumPy code of the language's own functions too."""

    def _print_Where(self, e):
        condition, yes, no = (self._print(a) for a in e.args)
        return f"numpy.where({condition}, {yes}, {no})"

    def _print_Scaled(self, e):
        factor, value = (self._print(a) for a in e.args)
        return f"numpy.where(numpy.equal({factor}, 0), 0, ({factor})*({value}))"

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
    for a function that has no meaning over NumPy, such as a table."""
    printer = _Printer({"fully_qualified_modules": True, "allow_unknown_functions": False})
    return sp.lambdify(names, expressions, ["numpy", {"numpy": np}], printer=printer, cse=False)
