"""Templates as functions over NumPy, printed by SymPy."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.numpy import NumPyPrinter

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
