"""Operators of fields: `grad`, `div`, `upwind`, `limited`, `harmonic`, `mean`, `integral`, and `at`.

    div(D(c)*grad(c))     flux[1] = D(c at 0)*(grad(c) at 0)                            an array of its own
                          flux[2..N] = D((c[1..N-1] + c[2..N])/2)*(c[2..N] - c[1..N-1])/width
                          flux[N+1] = D(c at R)*(grad(c) at R)
                          (area[2..N+1]*flux[2..N+1] - area[1..N]*flux[1..N])/volume      in the place of `div(…)`

An expression is walked anew for each place where it is taken: there a field's name stands for its value there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from stiffdsl.check.fields.formulas import add, call, divide, is_number, multiply, name, number, subtract
from stiffdsl.check.fields.grid import BESIDE, ENDS, Grid, Place
from stiffdsl.check.fields.members import calls_below, field_of, grid_of, names_below, path_of
from stiffdsl.check.names import Resolver, VisibleNames, dotted, is_wrong, names_in, wrong
from stiffdsl.check.quantities import dimensions, offsets
from stiffdsl.check.quantities.dimension_rules import DimensionRules
from stiffdsl.check.quantities.units import Dimension, Unit
from stiffdsl.check.report import Report
from stiffdsl.check.symbols import FieldMember, Layout
from stiffdsl.check.typed import Level, Typed
from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show_expression

# By name, the number of arguments.
OPERATORS = {"grad": 1, "div": 1, "upwind": 2, "limited": 2, "harmonic": 1, "mean": 1, "integral": 1}
# Those that mean nothing but by a field; the others may be names that an author expects to be functions of arrays.
TRANSPORT = ("grad", "div", "upwind", "limited", "harmonic")
_HOW = {
    "grad": "a flux is `div(D*grad(c))`, a slope at an end `grad(c) at R`",
    "upwind": "what is carried along is `div(upwind(v, T))`",
    "limited": "what is carried along is `div(limited(v, T))`",
    "harmonic": "the coefficient of a flux is `div(harmonic(D)*grad(c))`",
}
# Keeps the slope of a limiter a number where all values are equal; its square is one, too.
_TINY = 1e-150


class Elaboration(Protocol):
    """The elaboration of expressions (`expressions.Walker`), as operators of fields need it."""

    report: Report
    rules: DimensionRules
    resolver: Resolver

    @property
    def names(self) -> VisibleNames: ...

    def unit(self, text: str | None, span: Span) -> Unit | None: ...

    def number(self, expr: tree.Expr) -> Typed: ...

    def given(
        self, expr: tree.Expr, unit: Unit | None, highest: Level, what: str, labels: tree.Enum | None = None
    ) -> Typed: ...


@dataclass(frozen=True)
class Flux:
    """The content of one `div`: the array over faces, its dimension, and the fields that it moves: each with whether it
    spreads by `grad` (or is carried along), and the sign of that term where what spreads does so with a plus."""

    array: str
    dimension: Dimension | None
    moved: tuple[tuple[tree.Name, bool, float], ...]


class FieldOperators:
    """The operators in the expressions of one class, and the variables and equations that they bring along."""

    def __init__(self, walker: Elaboration):
        self.walker = walker
        self.report = walker.report
        self.variables: list[tree.Variable] = []
        self.equations: list[tree.Equation] = []
        # By the identity of a call, which is met again where definitions are looked at first.
        self.fluxes: dict[int, Flux] = {}
        # What carries a field along at an end: its dotted name, the end, and the speed there.
        self.speeds: dict[tuple[str, Place, tree.Expr], None] = {}
        self._done: dict[int, tuple[tree.Call, Typed]] = {}
        self._slopes: dict[tuple, tree.Name] = {}
        self._grid: Grid | None = None
        self._place: Place | None = None
        self._names: set[str] = set()

    # --- places ---

    @property
    def in_cells(self) -> bool:
        """Whether expressions are taken as they are, in the cells."""
        return self._place is None

    @contextmanager
    def at(self, grid: Grid | None, place: Place | None) -> Iterator[None]:
        """Take expressions at a place of a grid; None: in the cells."""
        resolver = self.walker.resolver
        outer = self._grid, self._place, resolver.located
        self._grid, self._place = grid, place
        resolver.located = None if place is None else self._located
        yield
        self._grid, self._place, resolver.located = outer

    def _taken(self, expr: tree.Expr, grid: Grid, place: Place, said: bool = False) -> Typed:
        """An expression at a place; what is wrong with it is said once, for the inner faces."""
        with self.at(grid, place):
            if said:
                return self.walker.number(expr)
            with self.report.unsaid():
                return self.walker.number(expr)

    def _located(self, written: tree.Name, found: Typed) -> Typed:
        """The array `found` at the present place: a field, its coordinate, or values of the cells."""
        grid, place = self._grid, self._place
        assert grid is not None
        assert place is not None
        if is_wrong(found):
            return found
        field = field_of(written, self.walker.names.entity)
        if field is not None:
            member, count = field
            own = Grid(path_of(written, count), member.variable.name, _layout(member), written.span)
            last = written.parts[-1]
            if not last.indices and found.rank == 1:
                if not own.alike(grid):
                    self._other_cells(written, own, grid)
                    return wrong(written)
                expr = own.value(place) if count == len(written.parts) else own.position(place)
                return found._replace(expr=expr, rank=place.rank)
        return self.cellwise(found, written.span)

    def _other_cells(self, written: tree.Name, own: Grid, grid: Grid) -> None:
        self.report.say(
            "E0287",
            f"`{dotted(written)}` and `{_shown(grid)}` do not have the same cells",
            (written.span, f"lies between {own.label(Place.LEFT)} and {own.label(Place.RIGHT)}"),
            help="fields in one equation have the same ends, cells and symmetry; others are joined by `connect`",
        )

    def cellwise(self, found: Typed, span: Span) -> Typed:
        """Values that belong to cells at the present place: their mean, or that of the cell beside it."""
        grid, place = self._grid, self._place
        if grid is None or place is None or found.rank == 0:
            return found
        if found.rank > 1:
            self.report.say(
                "E0226", "a flux is made of fields and numbers", (span, "this has several indices")
            )
            return found

        def part(where: Place) -> tree.Expr:
            return _element(found.expr, grid.sliced(where), span)

        if place is Place.FACES:
            expr = grid.between(part(Place.LOWER), part(Place.UPPER))
        else:
            expr = part(place)
        return found._replace(expr=expr, rank=place.rank)

    # --- what is meant ---

    def meant(self, e: tree.Call) -> bool:
        """Whether a call of one of `OPERATORS` is one: a function of that name counts before it."""
        if self.walker.names.scope.find(e.function) is not None:
            return False
        return e.function in TRANSPORT or bool(self.fields_in(e.arguments))

    def fields_in(self, expr: object) -> list[tree.Name]:
        """The fields that stand in an expression as a whole."""
        entity = self.walker.names.entity
        if entity is None:
            return []
        return [n for n in names_below(expr) if grid_of(n, entity) is not None]

    def grid_in(self, expr: object) -> Grid | None:
        """The grid of an expression: that of a field whose flux it holds, or else of any."""
        for each in calls_below(expr):
            if each.function in ("grad", "upwind", "limited"):
                for found in self.fields_in(each.arguments[-1:]):
                    return grid_of(found, self.walker.names.entity)
        for found in self.fields_in(expr):
            return grid_of(found, self.walker.names.entity)
        return None

    def operator(self, e: tree.Call) -> Typed:
        """The value of a call of one of `OPERATORS`."""
        if e.named or len(e.arguments) != OPERATORS[e.function]:
            wants = OPERATORS[e.function]
            plural = "argument" if wants == 1 else "arguments"
            title = f"`{e.function}` takes {wants} {plural}"
            self.report.say("E0231", title, (e.span, f"{len(e.arguments)} given"))
            return _nothing(e)
        if self.walker.names.function is not None:
            help = "write it into the equations of a model, and call the function for its coefficient"
            title = f"`{e.function}` has no place in a function"
            self.report.say("E0286", title, (e.span, "the function does not know the cells"), help=help)
            return _nothing(e)
        return self._act[e.function](self, e)

    def _misplaced(self, e: tree.Call) -> Typed:
        title = f"`{e.function}` stands where there is no flux"
        label = "belongs into `div(…)`, or before `at`"
        self.report.say("E0286", title, (e.span, label), help=_HOW[e.function])
        return _nothing(e)

    # --- divergence ---

    def _div(self, e: tree.Call) -> Typed:
        if not self.in_cells:
            help = "give the inner `div` a field of its own, with an equation"
            self.report.say(
                "E0286", "`div` stands inside of a flux", (e.span, "a flux is differentiated once"), help=help
            )
            return _nothing(e)
        if id(e) in self._done:
            return self._done[id(e)][1]
        flux = e.arguments[0]
        grid = self.grid_in(flux)
        if grid is None:
            title = "`div` takes the flux of a field"
            help = "write `div(D*grad(c))`, `div(upwind(v, T))`"
            self.report.say("E0287", title, (flux.span, "no field stands here"), help=help)
            return _nothing(e)
        before = self.report.count
        inner = self._taken(flux, grid, Place.FACES, said=True)
        left, right = (self._taken(flux, grid, place) for place in ENDS)
        index = {n.parts[0].name for n in names_in(inner.expr)} & set(self.walker.names.iterators.values())
        if index:
            title = "a flux does not depend on the index of a loop"
            label = f"depends on `{min(index)}`"
            help = "fields of parts are an array: `part p[N] : Particle`, with the field in `Particle`"
            self.report.say("E0286", title, (e.span, label), help=help)
        array = self._array(f"flux of {_shown(grid)}", grid.count(-1), e.span)
        first, last = number(1, e.span), grid.count(-1)
        for index_, value in ((first, left), (grid.range(2, 0), inner), (last, right)):
            self._equal(_at(array, index_), value.expr, e.span)
        dimension = dimensions.quotient(inner.dimension, grid.layout.dimension)
        value = Typed(grid.divergence(array), dimension, 1, Level.UNKNOWN, False)
        if self.report.count == before:
            self._done[id(e)] = e, value
        self.fluxes[id(e)] = self._flux(flux, array.parts[0].name, inner.dimension)
        return value

    def _flux(self, flux: tree.Expr, array: str, dimension: Dimension | None) -> Flux:
        moved = []
        for sign, term in signed_terms(flux):
            for each in calls_below(term):
                if each.function in ("grad", "upwind", "limited"):
                    spreads = each.function == "grad"
                    for field in self.fields_in(each.arguments[-1:]):
                        moved.append((field, spreads, sign if spreads else -sign))
        return Flux(array, dimension, tuple(moved))

    def _array(self, label: str, size: tree.Expr, span: Span) -> tree.Name:
        """A hidden variable over `size` places."""
        count, own = 1, label
        while own in self._names:
            count += 1
            own = f"{label} ({count})"
        self._names.add(own)
        self.variables.append(hidden(own, (size,), span))
        return name((), own, span=span)

    def _equal(self, left: tree.Expr, right: tree.Expr, span: Span) -> None:
        self.equations.append(tree.Equation(left, right, span))

    def rate_in_flux(self, e: tree.Call) -> Typed:
        """`der(c)` in a flux or at an end: its place is known in the cells only."""
        title = "`der` stands inside of a flux or before `at`"
        help = "declare a field or a `var` that equals it, and write that"
        self.report.say("E0286", title, (e.span, "rates belong to the cells"), help=help)
        return _nothing(e)

    # --- gradients and what is carried along ---

    def _grad(self, e: tree.Call) -> Typed:
        grid, place, argument = self._grid, self._place, e.arguments[0]
        if not self.fields_in(argument):
            return self._no_field(e)
        if any(c.function in TRANSPORT for c in calls_below(argument)):
            title = "`grad` of what is differentiated already"
            help = "give the inner expression a field of its own, with an equation"
            self.report.say("E0286", title, (argument.span, "holds an operator of fields"), help=help)
            return _nothing(e)
        if grid is None:
            return self._inside(argument)
        if place not in (Place.FACES, *ENDS):
            return self._misplaced(e)
        value = self._taken(argument, grid, place, said=True)
        own = grid_of(argument, self.walker.names.entity) if isinstance(argument, tree.Name) else None
        if own is not None and place in ENDS:
            expr: tree.Expr = own.slope(place)
        elif place is Place.FACES:
            upper, lower = (self._taken(argument, grid, p).expr for p in (Place.UPPER, Place.LOWER))
            expr = divide(subtract(upper, lower), grid.step())
        else:
            beside = self._taken(argument, grid, BESIDE[place]).expr
            pair = (value.expr, beside) if place is Place.RIGHT else (beside, value.expr)
            expr = divide(subtract(*pair), grid.half(place))
        dimension = dimensions.quotient(value.dimension, grid.layout.dimension)
        kept = offsets.NOTHING if value.offsets is not None else None
        return Typed(expr, dimension, place.rank, Level.UNKNOWN, False, None, False, kept)

    def _inside(self, argument: tree.Expr) -> Typed:
        """A gradient in the cells, between the values at their faces."""
        grid = self.grid_in(argument)
        assert grid is not None
        value = self._taken(argument, grid, Place.FACES, said=True)
        left, right = (self._taken(argument, grid, place).expr for place in ENDS)
        above, under = call("join", value.expr, right), call("join", left, value.expr)
        dimension = dimensions.quotient(value.dimension, grid.layout.dimension)
        kept = offsets.NOTHING if value.offsets is not None else None
        expr = divide(subtract(above, under), grid.widths())
        return Typed(expr, dimension, 1, Level.UNKNOWN, False, None, False, kept)

    def _no_field(self, e: tree.Call) -> Typed:
        label = "no field stands here" if self.walker.names.entity is not None else "a field is expected"
        title = f"`{e.function}` takes a field"
        self.report.say("E0287", title, (e.arguments[-1].span, label), help=_HOW[e.function])
        return _nothing(e)

    def _carried(self, e: tree.Call) -> Typed:
        """`upwind(v, T)` and `limited(v, T)`: what flows carries along from where it comes from."""
        grid, place, (speed, what) = self._grid, self._place, e.arguments
        if grid is None or place not in (Place.FACES, *ENDS):
            return self._misplaced(e)
        if not self.fields_in(what):
            return self._no_field(e)
        v = self.walker.number(speed)
        if place in ENDS and not self.walker.names.iterators:
            self.speeds |= {(dotted(field), place, v.expr): None for field in self.fields_in(what)}
        value = self._taken(what, grid, place, said=True)
        below, above = {
            Place.FACES: (Place.LOWER, Place.UPPER),
            Place.LEFT: (Place.LEFT, Place.FIRST),
            Place.RIGHT: (Place.LAST, Place.RIGHT),
        }[place]
        lower, upper = (self._taken(what, grid, p).expr for p in (below, above))
        if e.function == "limited":
            if not isinstance(what, tree.Name):
                title = "`limited` takes a field"
                self.report.say(
                    "E0287", title, (what.span, "is an expression"), help="`upwind` takes expressions too"
                )
                return _nothing(e)
            rise = self._rises(what, grid)
            if below not in ENDS:
                lower = add(lower, _at(rise, grid.sliced(below)))
            if above not in ENDS:
                upper = subtract(upper, _at(rise, grid.sliced(above)))
        zero = number(0, e.span)
        forth = multiply(call("max", v.expr, zero), lower)
        back = multiply(call("min", v.expr, zero), upper)
        dimension = dimensions.product(v.dimension, value.dimension)
        return Typed(add(forth, back), dimension, place.rank, Level.UNKNOWN, False)

    def _rises(self, what: tree.Name, grid: Grid) -> tree.Name:
        """By how much the field rises from the centre of each cell to its upper face, limited after van Leer."""
        key = tuple(p.name for p in what.parts)
        if key in self._slopes:
            return self._slopes[key]
        own = grid_of(what, self.walker.names.entity)
        assert own is not None
        array = self._slopes[key] = self._array(f"limited slope of {_shown(own)}", grid.cells, what.span)
        inside, before, last = grid.range(2, -1), grid.range(1, -2), grid.cells
        faces = {
            k: _element(grid.between(own.cell(Place.LOWER), own.cell(Place.UPPER)), i, what.span)
            for k, i in (
                ("first", number(1, what.span)),
                ("below", before),
                ("above", inside),
                ("last", grid.count(1)),
            )
        }
        for index, lower, upper in (
            (number(1, what.span), own.boundary(Place.LEFT), faces["first"]),
            (inside, faces["below"], faces["above"]),
            (last, faces["last"], own.boundary(Place.RIGHT)),
        ):
            here = name(own.path, own.field, span=what.span, index=index)
            a, b = subtract(here, lower), subtract(upper, here)
            m: tree.Expr = number(1, what.span) if grid.plain else grid.constant("narrowing", index)
            self._equal(_at(array, index), _limited(a, b, m), what.span)
        return array

    def _harmonic(self, e: tree.Call) -> Typed:
        grid, place, argument = self._grid, self._place, e.arguments[0]
        if grid is None or place not in (Place.FACES, *ENDS):
            return self._misplaced(e)
        if place in ENDS:
            return self.walker.number(argument)
        value = self._taken(argument, grid, place, said=True)
        if not value.rank:
            return value
        lower, upper = (self._taken(argument, grid, p).expr for p in (Place.LOWER, Place.UPPER))
        one = number(1, e.span)
        if grid.layout.spacing is None:
            share: tree.Expr = divide(one, number(2, e.span))
            other = share
        else:
            share = grid.constant("shares")
            other = subtract(one, share)
        return value._replace(expr=divide(one, add(divide(share, lower), divide(other, upper))))

    # --- means ---

    def _mean(self, e: tree.Call) -> Typed:
        argument = e.arguments[0]
        grid = self.grid_in(argument)
        assert grid is not None
        with self.at(None, None):
            value = self.walker.number(argument)
        if value.rank > 1:
            title = f"`{e.function}` takes one field"
            help = f"write `({e.function}(p[i].c) for i in 1..N)`"
            self.report.say("E0226", title, (argument.span, "this is an array of them"), help=help)
            return _nothing(e)
        expr = grid.mean(value.expr) if value.rank else value.expr
        if e.function == "mean":
            return value._replace(expr=expr, rank=0)
        size = dimensions.raised(grid.layout.dimension, grid.layout.power + 1)
        dimension = dimensions.product(value.dimension, size)
        return Typed(multiply(expr, grid.volume()), dimension, 0, value.level, False)

    _act: dict[str, Callable[["FieldOperators", tree.Call], Typed]] = {  # noqa: RUF012
        "grad": _grad,
        "div": _div,
        "upwind": _carried,
        "limited": _carried,
        "harmonic": _harmonic,
        "mean": _mean,
        "integral": _mean,
    }

    # --- ends ---

    def end_of(self, e: tree.At) -> tuple[Grid, Place] | None:
        """The end that `… at place` means; a mistake is reported."""
        grid = self.grid_in(e.value)
        if grid is None:
            title = "`at` takes the value of a field at one of its ends"
            help = "what a variable was earlier is `delay(x, tau)`; values at a time stand in a `test`"
            self.report.say("E0288", title, (e.value.span, "no field stands here"), help=help)
            return None
        for place in ENDS:
            if show_expression(e.place) == grid.label(place):
                return grid, place
        with self.at(None, None):
            place_value = self.walker.given(
                e.place, grid.layout.unit, Level.PARAMETER, "the place behind `at`"
            )
        if is_wrong(place_value):
            return None
        for place in ENDS:
            if _same(place_value.expr, grid.end(place)):
                return grid, place
        first, last = (grid.label(place) for place in ENDS)
        title = f"`{_shown(grid)}` ends at {first} and at {last}"
        help = f"write `at {first}` or `at {last}`; a value in a cell is `{_shown(grid)}[i]`"
        self.report.say("E0288", title, (e.place.span, "is neither of them"), help=help)
        return None

    def at_end(self, e: tree.At) -> Typed:
        """`c at R`, `grad(c) at 0`."""
        found = self.end_of(e)
        if found is None:
            return wrong(tree.Name((tree.Part("at"),), e.span))
        grid, place = found
        with self.at(grid, place):
            return self.walker.number(e.value)


def hidden(label: str, dims: tuple[tree.Expr, ...], span: Span) -> tree.Variable:
    """A variable that no author declared, with a name for messages."""
    return tree.Variable("hidden", label, dims, None, None, None, None, None, None, span, span)


def signed_terms(expr: tree.Expr, sign: float = 1.0) -> Iterator[tuple[float, tree.Expr]]:
    """The terms of a sum, with the signs that they have."""
    while isinstance(expr, tree.Binary) and expr.operator in ("+", "-"):
        yield from signed_terms(expr.right, sign if expr.operator == "+" else -sign)
        expr = expr.left
    if isinstance(expr, tree.Unary) and expr.operator == "-":
        yield from signed_terms(expr.operand, -sign)
    elif isinstance(expr, tree.Binary) and expr.operator in ("*", "/") and isinstance(expr.left, tree.Unary):
        yield from ((s, replace(expr, left=t)) for s, t in signed_terms(expr.left, sign))
    elif isinstance(expr, tree.Binary) and expr.operator in ("*", "/") and isinstance(expr.left, tree.Binary):
        inner = list(signed_terms(expr.left, sign))
        yield from [(inner[0][0], expr)] if len(inner) == 1 else [(sign, expr)]
    else:
        yield sign, expr


def same_flux(a: tree.Expr, b: tree.Expr) -> float:
    """1 where two expressions are the same sum of products, -1 where they are but for the sign, else 0."""
    ours, theirs = ([(s, _factors(t)) for s, t in signed_terms(e)] for e in (a, b))
    if len(ours) != len(theirs):
        return 0.0
    for sign in (1.0, -1.0):
        left = [(sign * s, factors) for s, factors in ours]
        for s, factors in theirs:
            same = next((k for k, (z, own) in enumerate(left) if z == s and _alike(own, factors)), None)
            if same is None:
                break
            del left[same]
        else:
            return sign
    return 0.0


def _factors(expr: tree.Expr) -> list[tuple[str, tree.Expr]]:
    """The factors of a product."""
    if isinstance(expr, tree.Binary) and expr.operator == "*":
        return _factors(expr.left) + _factors(expr.right)
    if isinstance(expr, tree.Binary) and expr.operator == "/":
        return [*_factors(expr.left), ("/", expr.right)]
    return [("*", expr)]


def _alike(a: list[tuple[str, tree.Expr]], b: list[tuple[str, tree.Expr]]) -> bool:
    rest = list(b)
    for each in a:
        if each not in rest:
            return False
        rest.remove(each)
    return not rest


def _limited(a: tree.Expr, b: tree.Expr, m: tree.Expr) -> tree.Expr:
    """Van Leer's mean of the rises `a` before and `b` behind, none where they differ in sign; it leaves no value beyond
    the next cell's, also where that is narrower by the ratio `m`."""
    size_a, size_b = call("abs", a), call("abs", b)
    above = multiply(
        add(multiply(a, size_b), multiply(size_a, b)), divide(add(number(1, a.span), m), number(2, a.span))
    )
    if is_number(m, 1.0):
        below = add(size_a, size_b)
    else:
        below = add(call("max", size_a, size_b), multiply(m, call("min", size_a, size_b)))
    return divide(above, add(below, number(_TINY, a.span)))


def _same(a: tree.Expr, b: tree.Expr) -> bool:
    if isinstance(a, tree.Number) and isinstance(b, tree.Number):
        return abs(a.value - b.value) <= 1e-12 * max(abs(a.value), abs(b.value))
    return a == b


def _at(array: tree.Name, index: tree.Expr) -> tree.Name:
    return name((), array.parts[0].name, span=array.span, index=index)


def _element(expr: tree.Expr, index: tree.Expr, span: Span) -> tree.Expr:
    if isinstance(expr, tree.Name) and not expr.parts[-1].indices:
        *before, last = expr.parts
        return tree.Name((*before, tree.Part(last.name, (index,))), expr.span)
    return tree.Element(expr, (index,), span)


def _layout(member: FieldMember) -> Layout:
    assert member.layout is not None, "fields are read before equations"
    return member.layout


def _shown(grid: Grid) -> str:
    return ".".join([*(p.name for p in grid.path), grid.field])


def _nothing(e: tree.Call) -> Typed:
    return wrong(tree.Name((tree.Part(e.function),), e.span))
