"""Partial derivatives of elementwise operations, as operations: rules of the chain rule in both directions.

An infinite slope at a single point of the path (`sqrt(x)` at a state of zero) counts as zero, as it does for JAX
(`runtime/export/array_library.py`): what is beside the point tells the derivative of a solve, and `0*inf` would tell
nothing. Where parameters alone decide, a slope is what it is. `bounded exp`: of exponentials that are divided by, the
slope of what exceeds all numbers is zero.
"""

from collections.abc import Callable
from typing import Any, Protocol


class RuleWriter(Protocol):
    """The part of `ops.Builder` that rules write with."""

    def number(self, value: float) -> int: ...

    def apply(self, name: str, *args: int) -> int: ...

    def known(self, value: int) -> Any: ...

    def reads(self, value: int, arguments: tuple[str, ...]) -> bool: ...


# `(builder, k, value, args, d)`: d times the derivative of the value by argument k.
Partial = Callable[[RuleWriter, int, int, list[int], int], int]
# Arguments that change during a solve.
ON_THE_WAY = ("t", "y", "side", "u")


def unary(partial: Callable[[RuleWriter, int, int], tuple[str, int]]) -> Partial:
    """A rule `(builder, argument, value) -> ("mul" or "div", factor)`."""

    def rule(b: RuleWriter, k: int, value: int, args: list[int], d: int) -> int:
        name, factor = partial(b, args[0], value)
        return b.apply(name, d, factor)

    return rule


def _finite(b: RuleWriter, argument: int, infinite: int, slope: int) -> int:
    """`slope`, and zero where it is `infinite` at a point of the path."""
    return b.apply("select", infinite, b.number(0.0), slope) if b.reads(argument, ON_THE_WAY) else slope


def positive_part(b: RuleWriter, k: int, value: int, args: list[int], d: int) -> int:
    zero = b.number(0.0)
    return b.apply("select", b.apply("gt", args[0], zero), d, zero)


def root(b: RuleWriter, k: int, value: int, args: list[int], d: int) -> int:
    zero = b.apply("eq", value, b.number(0.0))
    return _finite(b, args[0], zero, b.apply("div", d, b.apply("mul", b.number(2.0), value)))


def arcsine(b: RuleWriter, sign: str, x: int, d: int) -> int:
    below = b.apply("sqrt", shifted_square(b, "sub", x))
    zero = b.apply("eq", below, b.number(0.0))
    slope = b.apply("div", d, below)
    return _finite(b, x, zero, b.apply("neg", slope) if sign == "-" else slope)


def bounded(rule: Partial) -> Partial:
    """The rule of an exponential that is divided by: no slope where it exceeds all numbers."""

    def rule_where_finite(b: RuleWriter, k: int, value: int, args: list[int], d: int) -> int:
        size = b.apply("abs", value)
        within = b.apply("lt", size, b.number(float("inf")))
        return b.apply("select", within, rule(b, k, value, args, d), b.number(0.0))

    return rule_where_finite


def power(b: RuleWriter, k: int, value: int, args: list[int], d: int) -> int:
    base, exponent = args
    zero = b.apply("eq", base, b.number(0.0))
    if k == 0:
        less = b.apply("sub", exponent, b.number(1.0))
        slope = b.apply("mul", exponent, b.apply("pow", base, less))
        known = b.known(exponent)
        if not (isinstance(known, float) and known >= 1.0):
            none = b.apply("eq", exponent, b.number(0.0))
            slope = b.apply("select", none, b.number(0.0), slope)
            below_one = b.apply("lt", exponent, b.number(1.0))
            slope = _finite(b, base, b.apply("and", zero, below_one), slope)
        return b.apply("mul", d, slope)
    logarithm = b.apply("log", b.apply("select", zero, b.number(1.0), base))
    return b.apply("mul", d, b.apply("mul", logarithm, value))


def quotient(b: RuleWriter, k: int, value: int, args: list[int], d: int) -> int:
    if k == 0:
        return b.apply("div", d, args[1])
    return b.apply("neg", b.apply("div", b.apply("mul", value, d), args[1]))


def arctangent2(b: RuleWriter, k: int, value: int, args: list[int], d: int) -> int:
    square = b.apply("add", b.apply("mul", args[0], args[0]), b.apply("mul", args[1], args[1]))
    # At the origin there is none.
    square = b.apply("select", b.apply("eq", square, b.number(0.0)), b.number(1.0), square)
    term = b.apply("div", b.apply("mul", d, args[1 - k]), square)
    return b.apply("neg", term) if k else term


def shifted_square(b: RuleWriter, name: str, x: int) -> int:
    """1 + x^2 or 1 - x^2."""
    return b.apply(name, b.number(1.0), b.apply("mul", x, x))
