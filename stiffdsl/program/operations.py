"""The elementwise operations in one table: meaning, arity, text, partial derivatives, and how smooth each is.

Folding constants, the interpreter, the text of modules, derivatives and kernels all read it; a back end adds how it
computes each (`native`: LLVM; `array_library`: JAX and NumPy).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.elementary import ELEMENTARY
from stiffdsl.program.derivatives.partials import (
    Partial,
    arcsine,
    arctangent2,
    bounded,
    positive_part,
    power,
    quotient,
    root,
    unary,
)


@dataclass(frozen=True)
class ElementwiseOperation:
    """`meaning` over NumPy, whose name is that of the array library too; `arity` operands.

    `partial(builder, k, value, args, d)` is d times the derivative by operand k, as operations; None where there is
    none: conditions, and what is constant but for jumps. `smooth` operations are analytic inside of where they are
    defined. `infix` is a pattern and how tightly it binds; `at_singular_points` is the function of the array library
    that stands for it where operands change along a solve, since a slope may be infinite at a point of the path.
    `overflows` beyond arguments that models reach.
    """

    meaning: Callable[..., Any]
    arity: int
    partial: Partial | None = None
    smooth: bool = True
    infix: tuple[str, float] | None = None
    at_singular_points: str | None = None
    overflows: bool = False


def _jumps(
    meaning: Callable[..., Any], arity: int, infix: tuple[str, float] | None = None
) -> ElementwiseOperation:
    """An operation that is constant but for jumps."""
    return ElementwiseOperation(meaning, arity, smooth=False, infix=infix)


def _positive_part(x: Any) -> Any:
    return np.maximum(x, 0.0)


OPERATIONS: dict[str, ElementwiseOperation] = {
    "add": ElementwiseOperation(np.add, 2, lambda b, k, value, args, d: d, infix=("{} + {}", 1)),
    "sub": ElementwiseOperation(
        np.subtract, 2, lambda b, k, value, args, d: b.apply("neg", d) if k else d, infix=("{} - {}", 1)
    ),
    "mul": ElementwiseOperation(
        np.multiply, 2, lambda b, k, value, args, d: b.apply("mul", d, args[1 - k]), infix=("{}*{}", 2)
    ),
    "div": ElementwiseOperation(np.divide, 2, quotient, infix=("{}/{}", 2)),
    "neg": ElementwiseOperation(np.negative, 1, lambda b, k, value, args, d: b.apply("neg", d)),
    "pow": ElementwiseOperation(np.power, 2, power, at_singular_points="power_of"),
    "sqrt": ElementwiseOperation(np.sqrt, 1, root, at_singular_points="root_of"),
    **{
        name: ElementwiseOperation(f.meaning, 1, f.slope and unary(f.slope), overflows=f.overflows)
        for name, f in ELEMENTARY.items()
    },
    "asin": ElementwiseOperation(
        np.arcsin, 1, lambda b, k, value, args, d: arcsine(b, "+", args[0], d), at_singular_points="arcsine"
    ),
    "acos": ElementwiseOperation(
        np.arccos, 1, lambda b, k, value, args, d: arcsine(b, "-", args[0], d), at_singular_points="arccosine"
    ),
    "atan2": ElementwiseOperation(np.arctan2, 2, arctangent2, at_singular_points="angle_of"),
    "floor": _jumps(np.floor, 1),
    "ceil": _jumps(np.ceil, 1),
    "abs": ElementwiseOperation(np.abs, 1, unary(lambda b, x, v: ("mul", b.apply("sign", x))), smooth=False),
    "sign": _jumps(np.sign, 1),
    # Of networks alone: where they bend is no condition of the model.
    "relu": ElementwiseOperation(_positive_part, 1, positive_part, smooth=False),
    "lt": _jumps(np.less, 2, ("{} < {}", 0)),
    "le": _jumps(np.less_equal, 2, ("{} <= {}", 0)),
    "gt": _jumps(np.greater, 2, ("{} > {}", 0)),
    "ge": _jumps(np.greater_equal, 2, ("{} >= {}", 0)),
    "eq": _jumps(np.equal, 2, ("{} == {}", 0)),
    "ne": _jumps(np.not_equal, 2, ("{} != {}", 0)),
    "and": _jumps(np.logical_and, 2),
    "or": _jumps(np.logical_or, 2),
    "not": _jumps(np.logical_not, 1),
    # Its derivative is that of the operand it chooses: passes know it by name.
    "select": ElementwiseOperation(np.where, 3, smooth=False),
}

# Comparisons that change along a solve, and those that hold at single points; logic; and values that jump.
ORDERED = ("lt", "le", "gt", "ge")
COMPARISONS = (*ORDERED, "eq", "ne")
CONDITIONS = (*COMPARISONS, "and", "or", "not")
ROUNDED = ("sign", "floor", "ceil")
# Operations whose derivative is zero wherever they have one; the interval of a table is a whole number.
FLAT = frozenset(
    ["locate", *(n for n, operation in OPERATIONS.items() if operation.partial is None and n != "select")]
)


def partial_of(name: str, divisor: bool = False) -> Partial:
    """The rule of an operation with a slope; `divisor`: of an exponential that is divided by."""
    rule = OPERATIONS[name].partial
    assert rule is not None, name
    return bounded(rule) if divisor else rule
