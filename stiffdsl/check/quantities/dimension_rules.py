"""Dimension rules: the dimensions that operators and functions require of their operands, with the messages.

Sums, comparisons and choices want one dimension, exponents and most functions a pure number. A number or
parameter without a unit is fine; where it meets a quantity declared in another unit than SI's, a warning
says that it counts in SI.
"""

from stiffdsl.check.functions import Builtin
from stiffdsl.check.names import dotted
from stiffdsl.check.quantities import dimensions, offsets
from stiffdsl.check.quantities.si import plain_number
from stiffdsl.check.quantities.units import NONE, Dimension, Unit, divide, parse_unit
from stiffdsl.check.report import Report
from stiffdsl.check.typed import Level, Typed
from stiffdsl.diagnostics import Span, written
from stiffdsl.syntax import tree


def _held(count: float | None) -> str:
    if count is None:
        return "the offset stays in this"
    if count == 0.0:
        return "this is a difference: the offset cancels"
    return (
        "this is a temperature with its offset" if count == 1.0 else f"this holds the offset {count:g} times"
    )


def _degrees_meant(a: Dimension | None, b: Dimension | None) -> str | None:
    """The help where `[C]` or `[F]`, coulomb and farad, stands where a temperature is wanted: `[W/C]`, `20 [C]`."""
    for symbol, name, meant in (("C", "coulomb", "degC"), ("F", "farad", "degF")):
        other = divide(parse_unit(symbol).dimension, parse_unit("K").dimension)
        if a is not None and b is not None and divide(a, b) in (other, divide(NONE, other)):
            help = f"`[{symbol}]` is the {name}; a temperature is in `[{meant}]`"
            return f"{help}, a difference of temperatures, as in `[W/K]`, in `[K]`"
    return None


def _in_kelvin(at: tree.Expr | None, other: tree.Expr, a: float | None, b: float | None) -> str:
    """The advice for the side that is an absolute temperature: its unit in K."""
    absolute = other if a == 0.0 else at if b == 0.0 else None
    if isinstance(absolute, tree.Number) and absolute.unit is not None:
        return f"write `{absolute.value:g} [K]`"
    if isinstance(absolute, tree.Name):
        return f"declare `{dotted(absolute)}` in [K]"
    return "declare what is a difference of temperatures in [K]"


class DimensionRules:
    """`calls` are the user's functions that the walk is inside of: a message names the outermost call too."""

    def __init__(self, report: Report):
        self.report = report
        self.calls: list[tuple[tree.FunctionDeclaration, Span]] = []

    def mismatch(
        self,
        code: str,
        title: str,
        span: Span,
        text: str,
        *more: tuple[Span, str],
        between: tuple[Dimension | None, Dimension | None] = (None, None),
        notes=(),
        help=None,
    ) -> None:
        """Report a mistake at `span`, of the dimensions `between`; inside a function, the call that led there comes
        first."""
        help = help or _degrees_meant(*between)
        labels = [(span, text), *more]
        if self.calls:
            function, call = self.calls[0]
            labels.insert(0, (call, f"inside `{function.name}`, called here"))
        self.report.say(code, title, *labels, notes=tuple(notes), help=help)

    def alike(self, e: tree.Binary, left: Typed, right: Typed, witness: tree.Expr, act: str) -> None:
        """Both sides of `e` have one dimension; `witness` is the term that tells that of the left side."""
        if dimensions.agree(left.dimension, right.dimension):
            return
        a, b = dimensions.describe(left.dimension), dimensions.describe(right.dimension)
        self.mismatch(
            "E0503",
            f"{a} and {b} cannot be {act}",
            e.right.span,
            f"this is {b}",
            (witness.span, f"this is {a}"),
            between=(left.dimension, right.dimension),
        )

    def power(self, e: tree.Binary, base: Typed, exponent: Typed) -> Dimension | None:
        """The dimension of a power; its exponent is a pure number."""
        if exponent.dimension is not None and exponent.dimension != NONE:
            self.mismatch(
                "E0505",
                "an exponent must be a pure number",
                e.right.span,
                f"this is {dimensions.describe(exponent.dimension)}",
            )
            return None
        return dimensions.raised(base.dimension, plain_number(exponent.expr))

    def unshown(self, shown: Typed, number: Typed, at: tree.Expr) -> None:
        """Warn where a number without a unit meets a quantity that is declared in another unit than SI's."""
        if shown.shown is None or number.dimension is not None or number.level > Level.PARAMETER:
            return
        symbol = dimensions.symbol_of(shown.shown.dimension)
        if isinstance(number.expr, tree.Name) and number.level == Level.PARAMETER:
            name = dotted(number.expr)
            self.report.say(
                "W0502",
                f"`{name}` has no unit and counts in [{symbol}] here",
                (at.span, "meets a quantity that is declared in another unit"),
                help=f"give `{name}` a unit where it is declared",
                key=("W0502", name, at.span.source.name),
            )
            return
        value = plain_number(number.expr) if number.bare else None
        if value is None or value == 0.0:
            return
        self.report.say(
            "W0501",
            f"a number without a unit counts in SI here: `{written(at.span)}` means [{symbol}]",
            (at.span, "meets a quantity that is declared in another unit"),
            help="write the unit after the number",
        )

    def offsets(
        self, left: Typed, right: Typed, at: tree.Expr | None, other: tree.Expr, what: str = "the other side"
    ) -> None:
        """Both hold the offset of temperatures equally often, where that can be counted. `at` is None for what is
        declared in a unit and given `other`; `what` is what is given."""
        if left.offsets is None or right.offsets is None or not offsets.clash(left.offsets, right.offsets):
            return
        a, b = offsets.alone(left.offsets), offsets.alone(right.offsets)
        labels = [(other.span, _held(b))]
        if at is not None:
            labels.append((at.span, _held(a)))
        if 0.0 in (a, b) and None not in (a, b):
            side = "what it is given to" if at is None else "the other side"
            title = f"a difference of temperatures is in [K], and {side} is in [degC]"
        else:
            title = "the offsets of temperatures in [degC] do not cancel here as they should"
        note = "a temperature in [degC] or [degF] counts with its offset: 5 [degC] is 278.15 K"
        self.mismatch(
            "E0508", title, *labels[0], *labels[1:], notes=(note,), help=_in_kelvin(at, other, a, b)
        )

    def bare_terms(self, expr: tree.Expr, unit: Unit) -> None:
        """Warn of `20 + 5 [K]` for something in degC: beside a unit or a quantity, 20 is in SI."""
        while isinstance(expr, tree.Binary) and expr.operator in ("+", "-"):
            for term in (expr.left, expr.right):
                if isinstance(term, tree.Number) and term.unit is None:
                    number = Typed(term, None, 0, Level.CONSTANT, True)
                    self.unshown(Typed(expr, unit.dimension, 0, Level.CONSTANT, False, unit), number, term)
            expr = expr.left

    def function(self, e: tree.Call, builtin: Builtin, arguments: list[Typed]) -> Dimension | None:
        """The dimension that a built-in function gives, once its arguments are checked."""
        first = arguments[0].dimension
        match builtin.rule:
            case "pure":
                if first is not None and first != NONE:
                    self.mismatch(
                        "E0504",
                        f"`{e.function}` takes a pure number",
                        e.arguments[0].span,
                        f"this is {dimensions.describe(first)}",
                        help="divide it by a quantity of the same kind",
                    )
                return NONE if first is not None else None
            case "root":
                return dimensions.raised(first, 0.5)
            case "reduce":
                return first
            case "product":
                return NONE if first == NONE else None
        known: Dimension | None = None
        witness = e.arguments[0]
        for argument, a in zip(e.arguments, arguments, strict=True):
            if known is None:
                known = a.dimension
                witness = argument
            elif not dimensions.agree(known, a.dimension):
                here, there = dimensions.describe(a.dimension), dimensions.describe(known)
                self.mismatch(
                    "E0503",
                    f"the arguments of `{e.function}` are {there} and {here}",
                    argument.span,
                    f"this is {here}",
                    (witness.span, f"this is {there}"),
                    between=(known, a.dimension),
                )
        if builtin.rule == "keep":
            return known
        return NONE if known is not None else None
