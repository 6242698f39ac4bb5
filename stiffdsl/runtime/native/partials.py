"""What each elementwise operation gives its derivatives, as operations: the chain rule in both directions.

An infinite slope at a single point of the path (`sqrt(x)` at a state of zero) counts as zero, as it does for JAX
(`runtime/array_library.py`): what is beside the point tells the derivative of a solve, and `0*inf` would tell nothing.
Where parameters alone decide, a slope is what it is. `bounded exp`: of exponentials that are divided by, the slope of
what exceeds all numbers is zero.
"""

from collections.abc import Callable

from stiffdsl.program.ops import Builder

# `(builder, k, value, args, d)`: d times the derivative of the value by argument k.
Partial = Callable[[Builder, int, int, list[int], int], int]
# What changes on the way of a solve.
ON_THE_WAY = ("t", "y", "side", "u")


def _unary(partial: Callable[[Builder, int, int], tuple[str, int]]) -> Partial:
    """A rule `(builder, argument, value) -> ("mul" or "div", factor)`."""

    def rule(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
        name, factor = partial(b, args[0], value)
        return b.apply(name, d, factor)

    return rule


def _finite(b: Builder, argument: int, infinite: int, slope: int) -> int:
    """`slope`, and zero where it is `infinite` at a point of the path."""
    return b.apply("select", infinite, b.number(0.0), slope) if b.reads(argument, ON_THE_WAY) else slope


def _root(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    zero = b.apply("eq", value, b.number(0.0))
    return _finite(b, args[0], zero, b.apply("div", d, b.apply("mul", b.number(2.0), value)))


def _arcsine(b: Builder, sign: str, x: int, d: int) -> int:
    below = b.apply("sqrt", _shifted_square(b, "sub", x))
    zero = b.apply("eq", below, b.number(0.0))
    slope = b.apply("div", d, below)
    return _finite(b, x, zero, b.apply("neg", slope) if sign == "-" else slope)


def _bounded(rule: Partial) -> Partial:
    def bounded(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
        size = b.apply("abs", value)
        within = b.apply("lt", size, b.number(float("inf")))
        return b.apply("select", within, rule(b, k, value, args, d), b.number(0.0))

    return bounded


def _power(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
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


def _quotient(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    if k == 0:
        return b.apply("div", d, args[1])
    return b.apply("neg", b.apply("div", b.apply("mul", value, d), args[1]))


def _arctangent2(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    square = b.apply("add", b.apply("mul", args[0], args[0]), b.apply("mul", args[1], args[1]))
    # At the origin there is none.
    square = b.apply("select", b.apply("eq", square, b.number(0.0)), b.number(1.0), square)
    term = b.apply("div", b.apply("mul", d, args[1 - k]), square)
    return b.apply("neg", term) if k else term


def _shifted_square(b: Builder, name: str, x: int) -> int:
    """1 + x^2 or 1 - x^2."""
    return b.apply(name, b.number(1.0), b.apply("mul", x, x))


PARTIALS: dict[str, Partial] = {
    "add": lambda b, k, value, args, d: d,
    "sub": lambda b, k, value, args, d: b.apply("neg", d) if k else d,
    "mul": lambda b, k, value, args, d: b.apply("mul", d, args[1 - k]),
    "div": _quotient,
    "neg": lambda b, k, value, args, d: b.apply("neg", d),
    "pow": _power,
    "atan2": _arctangent2,
    "sqrt": _root,
    "exp": _unary(lambda b, x, v: ("mul", v)),
    "log": _unary(lambda b, x, v: ("div", x)),
    "sin": _unary(lambda b, x, v: ("mul", b.apply("cos", x))),
    "cos": _unary(lambda b, x, v: ("mul", b.apply("neg", b.apply("sin", x)))),
    "tan": _unary(lambda b, x, v: ("mul", _shifted_square(b, "add", v))),
    "asin": lambda b, k, value, args, d: _arcsine(b, "+", args[0], d),
    "acos": lambda b, k, value, args, d: _arcsine(b, "-", args[0], d),
    "atan": _unary(lambda b, x, v: ("div", _shifted_square(b, "add", x))),
    "sinh": _unary(lambda b, x, v: ("mul", b.apply("cosh", x))),
    "cosh": _unary(lambda b, x, v: ("mul", b.apply("sinh", x))),
    "tanh": _unary(lambda b, x, v: ("mul", _shifted_square(b, "sub", v))),
    "asinh": _unary(lambda b, x, v: ("div", b.apply("sqrt", _shifted_square(b, "add", x)))),
    "abs": _unary(lambda b, x, v: ("mul", b.apply("sign", x))),
}
PARTIALS |= {f"bounded {name}": _bounded(PARTIALS[name]) for name in ("exp", "sinh", "cosh")}
