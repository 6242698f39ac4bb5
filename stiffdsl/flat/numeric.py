"""The meaning of operators and functions on numbers that are known when a model is compiled."""

from collections.abc import Callable

import numpy as np

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
