"""What each elementwise operation gives its derivatives, as operations: the chain rule in both directions."""

from collections.abc import Callable

from stiffdsl.program.ops import Builder

# `(builder, k, value, args, d)`: d times the derivative of the value by argument k.
Partial = Callable[[Builder, int, int, list[int], int], int]


def _unary(partial: Callable[[Builder, int, int], tuple[str, int]]) -> Partial:
    """A rule `(builder, argument, value) -> ("mul" or "div", factor)`."""

    def rule(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
        name, factor = partial(b, args[0], value)
        return b.apply(name, d, factor)

    return rule


def _power(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    base, exponent = args
    if k == 0:
        less = b.apply("sub", exponent, b.number(1.0))
        return b.apply("mul", d, b.apply("mul", exponent, b.apply("pow", base, less)))
    zero = b.apply("eq", base, b.number(0.0))
    logarithm = b.apply("log", b.apply("select", zero, b.number(1.0), base))
    return b.apply("mul", d, b.apply("mul", logarithm, value))


def _quotient(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    if k == 0:
        return b.apply("div", d, args[1])
    return b.apply("neg", b.apply("div", b.apply("mul", value, d), args[1]))


def _arctangent2(b: Builder, k: int, value: int, args: list[int], d: int) -> int:
    square = b.apply("add", b.apply("mul", args[0], args[0]), b.apply("mul", args[1], args[1]))
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
    "sqrt": _unary(lambda b, x, v: ("div", b.apply("mul", b.number(2.0), v))),
    "exp": _unary(lambda b, x, v: ("mul", v)),
    "log": _unary(lambda b, x, v: ("div", x)),
    "sin": _unary(lambda b, x, v: ("mul", b.apply("cos", x))),
    "cos": _unary(lambda b, x, v: ("mul", b.apply("neg", b.apply("sin", x)))),
    "tan": _unary(lambda b, x, v: ("mul", _shifted_square(b, "add", v))),
    "asin": _unary(lambda b, x, v: ("div", b.apply("sqrt", _shifted_square(b, "sub", x)))),
    "acos": _unary(lambda b, x, v: ("div", b.apply("neg", b.apply("sqrt", _shifted_square(b, "sub", x))))),
    "atan": _unary(lambda b, x, v: ("div", _shifted_square(b, "add", x))),
    "sinh": _unary(lambda b, x, v: ("mul", b.apply("cosh", x))),
    "cosh": _unary(lambda b, x, v: ("mul", b.apply("sinh", x))),
    "tanh": _unary(lambda b, x, v: ("mul", _shifted_square(b, "sub", v))),
    "asinh": _unary(lambda b, x, v: ("div", b.apply("sqrt", _shifted_square(b, "add", x)))),
    "abs": _unary(lambda b, x, v: ("mul", b.apply("sign", x))),
}
