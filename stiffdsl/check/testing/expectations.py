"""Expectations of tests: what is measured of a run, and what it is compared with.

    expect max(T over time) - T0 < 80 [K]      $1 - $2 < 80     $1: the greatest value of T     $2: T0, at the end

Every side is an expression of measurements, each of which is one number of a run. A side without any is measured as a
whole at the end of the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stiffdsl.check.calculate import value_of
from stiffdsl.check.expressions import Walker
from stiffdsl.check.names import is_wrong
from stiffdsl.check.quantities import dimensions
from stiffdsl.check.quantities.units import Unit, UnitError, parse_unit
from stiffdsl.check.symbols import Entity, Quantity
from stiffdsl.check.typed import Level, Typed
from stiffdsl.diagnostics import Span, written
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show_expectation, show_expression

# Functions of a quantity over a stretch of time.
OVER = ("max", "min", "mean", "integral")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_SECONDS = parse_unit("s")


@dataclass(frozen=True)
class Measurement:
    """One number of a run, in SI: `kind` is `at`, `end`, one of `OVER`, or `stop`: the time at which the model ended
    the run, by a `stop` of this `text` if there is one.

    `quantity` is checked, in SI; `scalar` the name of the variable that it is, where it is no more than that. `first`
    and `last` are times in seconds: of `at` the first, of a stretch both, None for the whole run.
    """

    name: str
    kind: str
    quantity: tree.Expr
    scalar: str | None = None
    first: float | None = None
    last: float | None = None
    text: str | None = None


@dataclass(frozen=True)
class CheckedExpectation:
    """`left comparison right`, expressions of measurements by name, in SI; for `=` with a tolerance.

    The left side is what was measured: with `label`, 1 where it is the expected value of an enumeration.
    Both are shown in `unit`, in which a `relative` tolerance counts.
    """

    text: str
    left: tree.Expr
    comparison: str
    right: tree.Expr
    measurements: tuple[Measurement, ...]
    tolerance: float
    relative: bool
    unit: str | None
    span: Span
    label: bool = False

    @property
    def shown_unit(self) -> Unit | None:
        return parse_unit(self.unit) if self.unit is not None else None


@dataclass
class _Side:
    """A side of an expectation: `expr` names `measurements`; `unit` is what is declared of the one quantity it is."""

    written: tree.Expr
    expr: tree.Expr
    measurements: list[Measurement]
    varies: bool
    unit: str | None = None


class Expectations:
    """Reads the expectations of one test, over the names of the model that it is of."""

    def __init__(self, walker: Walker, entity: Entity):
        self.walker = walker
        self.report = walker.report
        self.entity = entity
        self._names = walker.names
        self._count = 0
        self._known: dict[str, Typed] = {}
        self._wrong = False  # a name that is not known, which may have been told before

    def read(self, e: tree.Expectation | tree.ExpectedStop) -> CheckedExpectation | None:
        """The expectation, checked; None after a mistake."""
        if isinstance(e, tree.ExpectedStop):
            return self._stop(e)
        if e.comparison in ("==", "!="):
            help = "write `=`, and how near: `within 1e-4`" if e.comparison == "==" else "write `<` or `>`"
            self.report.say(
                "E0274", f"nothing is expected with `{e.comparison}`", (e.span, "here"), help=help
            )
            return None
        e, label = self._of_a_label(e)
        before, self._wrong = self.report.count, False
        timed = _measures(e.left) or _measures(e.right)
        sides = [self._side(side, timed) for side in (e.left, e.right)]
        if self.report.count > before or self._wrong:
            return None
        left, right = sides[0], sides[1]
        comparison = e.comparison
        if right.varies and not left.varies:
            left, right, comparison = right, left, _MIRRORED[comparison]
        values = self._compared(e, left, right)
        if values is None or self.report.count > before:
            return None
        unit = left.unit or right.unit or _written_unit(right.written)
        if unit is None and values[0].dimension is not None:
            unit = dimensions.symbol_of(values[0].dimension)
        found = self._tolerance(e, values, right, unit)
        if found is None:
            return None
        measured = (*left.measurements, *right.measurements)
        text = _text(e)
        return CheckedExpectation(
            text, values[0].expr, comparison, values[1].expr, measured, *found, unit, e.span, label
        )

    def _stop(self, e: tree.ExpectedStop) -> CheckedExpectation | None:
        """An end by the model: its time is what was measured, and, where none is given, what was expected."""
        before = self.report.count
        zero = tree.Number(0.0, None, e.span)
        measured = Measurement("$1", "stop", zero, text=e.text)
        own: tree.Expr = tree.Name((tree.Part("$1"),), e.span)
        wanted, tolerance = own, (0.0, True)
        if e.time is not None:
            time = self._time(e.time)
            if time is None:
                return None
            wanted = tree.Number(time, None, e.time.span)
            values = [Typed(x, _SECONDS.dimension, 0, Level.CONSTANT, False) for x in (own, wanted)]
            compared = tree.Expectation(own, "=", e.time, e.within, e.span)
            side = _Side(e.time, wanted, [], False)
            found = self._tolerance(compared, (values[0], values[1]), side, "s")
            if found is None or self.report.count > before:
                return None
            tolerance = found
        return CheckedExpectation(_text(e), own, "=", wanted, (measured,), *tolerance, "s", e.span)

    def _of_a_label(self, e: tree.Expectation) -> tuple[tree.Expectation, bool]:
        """`mode at 5 = heating` as `(mode == heating) at 5 = 1`, and whether it is one of these."""
        for side, other in ((e.left, e.right), (e.right, e.left)):
            match side:
                case tree.At(value, _):
                    core = value
                case tree.Call("final", (value,), ()):
                    core = value
                case _:
                    core = side
            declared = self._declared(core)
            if e.comparison != "=" or declared is None or declared.labels is None or _measures(other):
                continue
            holds: tree.Expr = tree.Binary("==", core, other, e.span)
            if isinstance(side, tree.At):
                holds = replace(side, value=holds)
            return replace(e, left=holds, right=tree.Number(1.0, None, other.span)), True
        return e, False

    # --- sides -----------------------------------------------------------------------------------

    def _side(self, expr: tree.Expr, timed: bool) -> _Side:
        """A side, its measurements taken out. Where a time stands in the expectation, all of it needs one."""
        side = _Side(expr, expr, [], False)
        if timed or _measures(expr):
            side.expr = self._outer(expr, side)
        else:
            side.expr = self._measured("end", expr, side, None, expr)
        return side

    def _outer(self, e: tree.Expr, side: _Side) -> tree.Expr:
        match e:
            case tree.At(value, place):
                return self._at(e, value, place, side)
            case tree.Call(function, (tree.Over(value, stretch),), ()) if function in OVER:
                return self._over(e, function, value, stretch, side)
            case tree.Call("final", (value,), ()):
                return self._measured("end", value, side, None, e)
        if not _measures(e):
            return self._constant(e, side)
        match e:
            case tree.Unary(_, operand):
                return replace(e, operand=self._outer(operand, side))
            case tree.Binary():
                return replace(e, left=self._outer(e.left, side), right=self._outer(e.right, side))
            case tree.If():
                condition, yes, no = (self._outer(part, side) for part in (e.condition, e.yes, e.no))
                return tree.If(condition, yes, no, e.span)
            case tree.Call(function, arguments, ()) if not any(isinstance(a, tree.Over) for a in arguments):
                return replace(e, arguments=tuple([self._outer(a, side) for a in arguments]))
            case tree.Call(function):
                known = ", ".join(f"`{name}`" for name in OVER)
                self._refuse(e, f"`{function}` is not taken over time", f"{known} are", None)
            case _:
                self._refuse(
                    e,
                    "a time stands inside of a list or a loop",
                    "each expectation is about one number",
                    "take the sum inside: `sum(x[i] for i in 1..N) at 10`",
                )
        return e

    def _constant(self, e: tree.Expr, side: _Side) -> tree.Expr:
        """A part of a side in which no time stands: numbers stay, parameters are read, variables need a time."""
        value = self.walker.walk(e)
        self._wrong = self._wrong or is_wrong(value)
        if is_wrong(value) or (value.level == Level.CONSTANT and value_of(value.expr) is not None):
            return e
        if value.level > Level.PARAMETER:
            text = show_expression(e)
            self.report.say(
                "E0272",
                f"`{text}` has no time here",
                (e.span, "another part of this expectation has one"),
                help=f"write `{_enclosed(text)} at 10`, or `final({text})` for the end of the run",
            )
            return e
        return self._measured("end", e, side, None, e, varies=False)

    def _at(self, e: tree.At, value: tree.Expr, place: tree.Expr, side: _Side) -> tree.Expr:
        time = self._time(place)
        return self._measured("at", value, side, (time, None), e)

    def _over(self, e: tree.Expr, kind: str, value: tree.Expr, stretch: tree.Expr, side: _Side) -> tree.Expr:
        first = last = None
        if isinstance(stretch, tree.Range):
            begin, end = stretch.first, stretch.last
            # `0..10 [h]`: the unit of the end counts for the beginning too.
            if isinstance(begin, tree.Number) and isinstance(end, tree.Number) and begin.unit is None:
                begin = replace(begin, unit=end.unit)
            first, last = self._time(begin), self._time(end)
            if first is not None and last is not None and first >= last:
                self._refuse(stretch, "this stretch of time is empty", "ends before it begins", None)
        elif not (isinstance(stretch, tree.Name) and show_expression(stretch) == "time"):
            self._refuse(
                stretch,
                "not a stretch of time",
                "is no range",
                "write `over time` for the whole run, or `over 5..10`",
            )
        return self._measured(kind, value, side, (first, last), e)

    def _time(self, expr: tree.Expr) -> float | None:
        unknown = is_wrong(self.walker.walk(expr))
        self._wrong = self._wrong or unknown
        value = self.walker.given(expr, _SECONDS, Level.CONSTANT, "a time in a test")
        number = value_of(value.expr)
        if number is None and value.level == Level.CONSTANT and not unknown:
            self._refuse(
                expr, "the times of a test are numbers", "is none", "constants of the file may be used"
            )
        return number

    def _measured(
        self,
        kind: str,
        quantity: tree.Expr,
        side: _Side,
        times: tuple[float | None, float | None] | None,
        whole: tree.Expr,
        varies: bool | None = None,
    ) -> tree.Expr:
        """The name that stands for a measurement of `quantity` in the side; an expression of numbers stays as it is."""
        if _measures(quantity):
            field = self.walker.fields.grid_in(quantity) is not None
            help = "in a test `at` is a time: the value at an end of a field is an `output` of the model"
            self._refuse(whole, "a time inside of another", "has no meaning", help if field else None)
            return whole
        value = self.walker.number(quantity)
        if is_wrong(value):
            self._wrong = True
            return whole
        if kind == "end" and value.level == Level.CONSTANT and value_of(value.expr) is not None:
            return quantity
        if value.rank:
            self._refuse(quantity, "an expectation is about one number", "this is an array", "give an index")
            return whole
        self._count += 1
        name = f"${self._count}"
        declared = self._declared(quantity)
        scalar = None
        if declared is not None and declared.level == Level.UNKNOWN:
            scalar = _scalar_name(value.expr)
        dimension, kept = value.dimension, value.offsets
        if kind == "integral":
            dimension, kept = dimensions.product(dimension, _SECONDS.dimension), None
        elif declared is not None and whole is side.written:
            side.unit = declared.variable.unit
        first, last = times or (None, None)
        side.measurements.append(Measurement(name, kind, value.expr, scalar, first, last))
        side.varies = side.varies or (value.level > Level.PARAMETER if varies is None else varies)
        place = tree.Name((tree.Part(name),), whole.span)
        shown = value.shown if kind != "integral" else None
        self._known[name] = Typed(place, dimension, 0, Level.PARAMETER, False, shown, False, kept)
        return place

    def _declared(self, quantity: tree.Expr) -> Quantity | None:
        """The declaration of a quantity that is a name and no more."""
        if not isinstance(quantity, tree.Name):
            return None
        entity: Entity | None = self.entity
        member = None
        for part in quantity.parts:
            member = entity.members.get(part.name) if entity is not None else None
            entity = getattr(member, "entity", None)
        return member if isinstance(member, Quantity) else None

    def _refuse(self, at: tree.Expr, title: str, label: str, help: str | None) -> None:
        self.report.say("E0273", title, (at.span, label), help=help)

    # --- comparison ------------------------------------------------------------------------------

    def _compared(self, e: tree.Expectation, left: _Side, right: _Side) -> tuple[Typed, Typed] | None:
        """Both sides in SI: dimensions agree, and a bare number is in the unit that the measured quantity declares."""
        walker = self.walker
        walker.resolver.names = replace(self._names, arguments=self._known)
        try:
            first = walker.number(left.expr)
            unit = _unit(left.unit)
            if unit is not None:
                second = walker.given(right.expr, unit, Level.UNKNOWN, "what is expected")
            else:
                second = walker.number(right.expr)
                walker.walk(tree.Binary("<", left.expr, right.expr, e.span))
        finally:
            walker.resolver.names = self._names
        if first.rank or second.rank:
            self._refuse(e.left, "an expectation is about one number", "this is an array", "give an index")
            return None
        unknown = [side for side, v in ((left, first), (right, second)) if not self._known_to_tests(v.expr)]
        for side in unknown:
            self._refuse(
                side.written, "too much for an expectation", "is computed of several measurements",
                "declare an `output` of the model for a part of it",
            )  # fmt: skip
        return None if unknown else (first, second)

    def _known_to_tests(self, expr: tree.Expr) -> bool:
        return value_of(expr, dict.fromkeys(self._known, 1.0)) is not None

    def _tolerance(
        self, e: tree.Expectation, values: tuple[Typed, Typed], right: _Side, unit: str | None
    ) -> tuple[float, bool] | None:
        """The tolerance and whether it is relative; in SI where it is absolute."""
        if e.within is None:
            return 0.0, True
        if e.comparison != "=":
            self.report.say(
                "E0274", f"`within` belongs to `=`, not to `{e.comparison}`", (e.within.span, "leave it out")
            )
            return None
        given, scale = e.within, None
        if isinstance(given, tree.Number) and given.unit is not None:
            # A tolerance is a difference: `within 0.5 [degC]` is half a kelvin.
            scale = _unit(given.unit)
            scale = scale.difference if scale is not None else None
        value = self.walker.number(given)
        unknown = is_wrong(value)
        self.walker.resolver.require(value, given, Level.CONSTANT, "a tolerance")
        number = value_of(value.expr) if scale is None else scale.to_si(given.value)  # type: ignore[union-attr]
        if number is None or unknown:
            if value.level == Level.CONSTANT and not unknown:
                self._tolerance_wrong(given, "a tolerance is a number", "is none", None)
            return None
        if not number > 0:
            self._tolerance_wrong(given, "a tolerance is positive", "is not", None)
            return None
        if value.dimension is not None:
            known = values[0].dimension
            if not dimensions.agree(value.dimension, known):
                a, b = dimensions.describe(value.dimension), dimensions.describe(known)
                self._tolerance_wrong(
                    given, f"the tolerance is {a}, what is expected {b}", "does not fit", None
                )
                return None
            return number, False
        wanted = value_of(values[1].expr)
        shown = _unit(unit)
        if wanted is not None and shown is not None:
            wanted = (wanted - shown.shift) / shown.scale
        if wanted == 0:
            self._tolerance_wrong(
                given, "nothing is relative to zero", "is a part of 0",
                f"give it a unit, so that it is absolute: `within {written(given.span)} [{unit or 1}]`",
            )  # fmt: skip
            return None
        return number, True

    def _tolerance_wrong(self, at: tree.Expr, title: str, label: str, help: str | None) -> None:
        self.report.say("E0274", title, (at.span, label), help=help)


def _text(e: tree.Expectation | tree.ExpectedStop) -> str:
    """An expectation as it is written, without its first word."""
    span = e.span
    if span.line != span.end_line:
        return show_expectation(e).removeprefix("expect ")
    return span.source.line(span.line)[span.column - 1 : span.end_column - 1].removeprefix("expect").strip()


def _measures(e: object) -> bool:
    """Whether a time stands in an expression."""
    stack = [e]
    while stack:
        node = stack.pop()
        match node:
            case tree.At() | tree.Over() | tree.Call("final", (_,), ()):
                return True
            case tree.Unary():
                stack.append(node.operand)
            case tree.Binary():
                stack += (node.left, node.right)
            case tree.If():
                stack += (node.condition, node.yes, node.no)
            case tree.Call():
                stack += (*node.arguments, *(v for _, v in node.named))
            case tree.Range():
                stack += (node.first, node.last)
            case tree.ArrayLiteral():
                stack += node.items
            case tree.Comprehension():
                stack.append(node.body)
    return False


def _written_unit(expr: tree.Expr) -> str | None:
    """The unit of a number: `80 [degC]`, `-5 [m]`."""
    while isinstance(expr, tree.Unary):
        expr = expr.operand
    return expr.unit if isinstance(expr, tree.Number) else None


def _unit(text: str | None) -> Unit | None:
    try:
        return parse_unit(text) if text is not None else None
    except UnitError:
        return None  # reported where it is written


def _scalar_name(expr: tree.Expr) -> str | None:
    """The name of a scalar as runs know it: `rooms[3].T`, `x[1,2]`; None where an index is no number."""
    if not isinstance(expr, tree.Name):
        return None
    return indexed_name(expr.parts)


def indexed_name(parts: Sequence[tree.Part]) -> str | None:
    """The text of a dotted name with whole numbers as indices, or None."""
    words = []
    for part in parts:
        values = [value_of(index) for index in part.indices]
        if any(v is None or v != int(v) for v in values):
            return None
        words.append(part.name + (f"[{','.join(str(int(v or 0)) for v in values)}]" if values else ""))
    return ".".join(words)


def _enclosed(text: str) -> str:
    return text if text.replace(".", "").replace("_", "").isalnum() else f"({text})"
