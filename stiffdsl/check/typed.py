"""Typed expressions: an expression in SI with its dimension, its rank, and the time at which its value is known."""

from enum import IntEnum
from typing import NamedTuple

from stiffdsl.check.quantities.offsets import Offsets
from stiffdsl.check.quantities.units import Dimension, Unit
from stiffdsl.syntax import tree


class Level(IntEnum):
    """Variability: the time at which a value is known; an expression has the highest level of its parts."""

    CONSTANT = 0  # when the model is compiled: numbers, `const`, loop indices
    PARAMETER = 1  # when a run begins
    SIGNAL = 2  # in every instant, given from outside: `input`, `time`
    UNKNOWN = 3  # in every instant, solved for


LEVELS = {
    "const": Level.CONSTANT,
    "param": Level.PARAMETER,
    "input": Level.SIGNAL,
    "var": Level.UNKNOWN,
    "output": Level.UNKNOWN,
    "discrete": Level.UNKNOWN,
    "potential": Level.UNKNOWN,
    "flow": Level.UNKNOWN,
}


class Typed(NamedTuple):
    """An expression in SI and what is known of it.

    `dimension` is None where unknown. `rank` counts its open indices. `bare` says that it is made of numbers
    without units only, so that it may be read in the declared unit of what it is given to. `shown` is the
    declared unit of a quantity whose values are other numbers in SI. `condition`: it is true or false.
    `offsets`: those of temperatures in degC (`offsets.py`), None where they cannot be counted. `labels`: the
    enumeration that it is a value of.
    """

    expr: tree.Expr
    dimension: Dimension | None
    rank: int
    level: Level
    bare: bool
    shown: Unit | None = None
    condition: bool = False
    offsets: Offsets | None = None
    labels: tree.Enum | None = None


def as_number(value: Typed) -> Typed:
    """A condition where a number is needed counts 1 or 0."""
    if not value.condition:
        return value
    expr = value.expr
    one, zero = tree.Number(1.0, None, expr.span), tree.Number(0.0, None, expr.span)
    if isinstance(expr, tree.Name):
        number: tree.Expr = one if expr.parts[0].name == "true" else zero
    else:
        number = tree.If(expr, one, zero, expr.span)
    return value._replace(expr=number, condition=False)


def as_condition(value: Typed) -> Typed:
    """A number where a condition is needed is true unless it is zero."""
    if value.condition:
        return value
    expr = value.expr
    test = tree.Binary("!=", expr, tree.Number(0.0, None, expr.span), expr.span)
    return Typed(test, None, value.rank, value.level, value.bare, None, True)
