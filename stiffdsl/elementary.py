"""The elementary functions of one number in one table, which every stage and both tiers read.

A function is added by an entry: the checker takes it for a function of pure numbers, SymPy's function of that name
stands for it in templates, NumPy's and JAX's `meaning` computes it, and kernels call the C library's function of that
name unless they have a formula of their own (`native/ir/elementary.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# `(b, x, v) -> ("mul" or "div", factor)`: the derivative of the value v at x, as a factor written with the builder b.
Slope = Callable[[Any, int, int], tuple[str, int]]


@dataclass(frozen=True)
class ElementaryFunction:
    """`guarded` where some numbers have no value, or one beyond all numbers: in a branch that is not taken such a
    function gets a harmless argument. `overflows` beyond arguments that models reach. `slope` None: the derivative is
    infinite at points of its domain, and `program/operations.py` has a rule for these. `symbol`: SymPy's function,
    where it is not `sympy.<name>`."""

    meaning: Callable[..., Any]
    slope: Slope | None
    guarded: bool = False
    overflows: bool = False
    symbol: Any = None


def _square(b: Any, x: int) -> int:
    return b.apply("mul", x, x)


def _one(b: Any, sign: str, x: int) -> int:
    """1 + x^2, or 1 - x^2."""
    return b.apply(sign, b.number(1.0), _square(b, x))


ELEMENTARY: dict[str, ElementaryFunction] = {
    "sin": ElementaryFunction(np.sin, lambda b, x, v: ("mul", b.apply("cos", x))),
    "cos": ElementaryFunction(np.cos, lambda b, x, v: ("mul", b.apply("neg", b.apply("sin", x)))),
    "tan": ElementaryFunction(np.tan, lambda b, x, v: ("mul", _one(b, "add", v)), guarded=True),
    "asin": ElementaryFunction(np.arcsin, None, guarded=True),
    "acos": ElementaryFunction(np.arccos, None, guarded=True),
    "atan": ElementaryFunction(np.arctan, lambda b, x, v: ("div", _one(b, "add", x))),
    "sinh": ElementaryFunction(np.sinh, lambda b, x, v: ("mul", b.apply("cosh", x)), True, overflows=True),
    "cosh": ElementaryFunction(np.cosh, lambda b, x, v: ("mul", b.apply("sinh", x)), True, overflows=True),
    "tanh": ElementaryFunction(np.tanh, lambda b, x, v: ("mul", _one(b, "sub", v))),
    "asinh": ElementaryFunction(np.arcsinh, lambda b, x, v: ("div", b.apply("sqrt", _one(b, "add", x)))),
    "acosh": ElementaryFunction(
        np.arccosh,
        lambda b, x, v: ("div", b.apply("sqrt", b.apply("sub", _square(b, x), b.number(1.0)))),
        guarded=True,
    ),
    "atanh": ElementaryFunction(np.arctanh, lambda b, x, v: ("div", _one(b, "sub", x)), guarded=True),
    "exp": ElementaryFunction(np.exp, lambda b, x, v: ("mul", v), True, overflows=True),
    "log": ElementaryFunction(np.log, lambda b, x, v: ("div", x), guarded=True),
}
