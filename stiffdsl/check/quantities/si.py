"""Numbers without a unit, given to something that has one, are read in its declared unit.

var T [degC] start 20              start 293.15
part r : Resistor(R = 4.7)         R [kohm]: 4700
param tau [min] = R*C              mentions quantities, which are in SI already: left alone
"""

import math

from stiffdsl.check.quantities.units import Unit
from stiffdsl.check.typed import Typed
from stiffdsl.syntax import tree


def in_unit(value: Typed, unit: Unit | None) -> tree.Expr:
    """The expression of `value`, in SI, where it is given to something declared in `unit`."""
    if unit is None or unit.is_si or not value.bare:
        return value.expr
    expr = value.expr
    number = plain_number(expr)
    if number is not None:
        return tree.Number(unit.to_si(number), None, expr.span)
    if unit.scale != 1.0:
        expr = tree.Binary("*", tree.Number(unit.scale, None, expr.span), expr, expr.span)
    if unit.shift != 0.0:
        expr = tree.Binary("+", expr, tree.Number(unit.shift, None, expr.span), expr.span)
    return expr


def plain_number(expr: tree.Expr) -> float | None:
    """The value of an expression of numbers alone, such as `-2*3`; None for anything else."""
    match expr:
        case tree.Number():
            return expr.value
        case tree.Unary("-"):
            value = plain_number(expr.operand)
            return None if value is None else -value
        case tree.Binary():
            left, right = plain_number(expr.left), plain_number(expr.right)
            if left is None or right is None:
                return None
            try:
                return _calculate(expr.operator, left, right)
            except (ArithmeticError, ValueError):
                return None
        case tree.Name((tree.Part("pi"),)):
            return math.pi
        case _:
            return None


def _calculate(operator: str, left: float, right: float) -> float | None:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "^":
            value = left**right
            return value if isinstance(value, float) else None
        case _:
            return None
