"""Equations at the ends of fields: conditions, and ends of two fields that are joined."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stiffdsl.check.fields.formulas import add, is_number, name, number, replaced, subtract
from stiffdsl.check.fields.grid import Grid, Place
from stiffdsl.check.fields.members import calls_below, grid_of
from stiffdsl.check.fields.operators import FieldOperators, Flux, same_flux, signed_terms
from stiffdsl.check.names import Resolver, dotted, names_in
from stiffdsl.check.quantities import dimensions
from stiffdsl.check.quantities.units import Dimension
from stiffdsl.check.report import Report
from stiffdsl.check.symbols import Entity, Instance
from stiffdsl.check.typed import Level
from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import nodes_below

Key = tuple[str, Place]


@dataclass(frozen=True)
class Branch:
    """A branch of a block of equations: the place of the block, its number, and, where constants decide, the condition
    under which it holds."""

    block: Span
    number: int
    holds: tree.Expr | None


@dataclass(frozen=True)
class _Term:
    """A `div` in an equation, moved to its left side. `plain`: nothing multiplies it."""

    sign: float
    plain: bool
    flux: Flux
    span: Span


class Conditions:
    """The equations of one class as they meet its fields, and those of its parts."""

    def __init__(self, operators: FieldOperators, resolver: Resolver, report: Report):
        self._operators, self._resolver, self._report = operators, resolver, report
        self._conditions: dict[Key, list[tuple[Span, tuple[Branch, ...]]]] = {}
        self._laws: dict[str, Span] = {}
        self._branches: tuple[Branch, ...] = ()
        self._steady: list[tuple[list[_Term], Span]] = []
        # Both sides of conditions; and slopes at ends, with what they are.
        self._said: list[tuple[tree.Expr, tree.Expr]] = []
        self._slopes: list[tuple[tree.Expr, tree.Expr]] = []
        # The ends that equations mention, by the field's dotted name, each time with the conditions of constants under
        # which it does; and the fields that spread or are carried along.
        self.ends: dict[tuple[Key, tuple[tree.Expr, ...]], None] = {}
        self.spreads: dict[str, bool] = {}

    @property
    def _entity(self) -> Entity | None:
        return self._resolver.names.entity

    @contextmanager
    def in_branch(self, branch: Branch) -> Iterator[None]:
        """In a branch of a block of equations, of which others say the same otherwise."""
        outer, self._branches = self._branches, (*self._branches, branch)
        yield
        self._branches = outer

    def _mentioned(self, key: Key) -> None:
        holds = tuple(b.holds for b in self._branches if b.holds is not None)
        self.ends[key, holds] = None

    def _twice(self, key: Key, span: Span) -> Span | None:
        """The place of another condition at the same end, but for those in other branches of the same block."""
        own = {b.block: b.number for b in self._branches}
        said = self._conditions.setdefault(key, [])
        for earlier, branches in said:
            if earlier != span and all(own.get(b.block, b.number) == b.number for b in branches):
                return earlier
        said.append((span, self._branches))
        return None

    def equation(self, e: tree.Equation, kept: tree.Equation) -> tree.Equation | None:
        """Notes what the equation `e`, elaborated as `kept`, says of fields; gives it as it is used, or None where it
        says what is known without it."""
        found = [*_ends_in(e.left), *_ends_in(e.right)]
        self._transport(e)
        self._law(e)
        if not found:
            return kept
        keys: dict[Key, Grid] = {}
        for each in found:
            with self._report.unsaid():
                end = self._operators.end_of(each)
            if end is None:
                return kept
            for field in self._operators.fields_in(each.value):
                grid = grid_of(field, self._entity)
                assert grid is not None
                keys[dotted(field), end[1]] = grid
        for key in keys:
            self._mentioned(key)
        if not self._branches:
            self._said.append((kept.left, kept.right))
        if len(keys) > 1 or not self._given_otherwise(e):
            return kept
        ((key, grid),) = keys.items()
        if grid.layout.centre and key[1] is Place.LEFT:
            return self._at_centre(e, found, grid)
        earlier = None if grid.path else self._twice(key, e.span)
        if earlier is not None:
            self._report.say(
                "E0289",
                f"`{key[0]}` has two conditions at {grid.label(key[1])}",
                (e.span, "this is the second"),
                (earlier, "this is the first"),
                help="at each end a value, a slope, or an equation of both is given, once",
            )
        return self._of_slope(kept, grid, key[1]) if _is_slope(e.left) else kept

    def _law(self, e: tree.Equation) -> None:
        """Notes an equation `der(c) = …` of a field, of which there is one."""
        match e.left:
            case tree.Call(function="der", arguments=(tree.Name() as field,)) if grid_of(field, self._entity):
                earlier = self._laws.setdefault(dotted(field), e.span)
            case _:
                return
        if earlier != e.span and not self._branches:
            self._report.say(
                "E0312",
                f"two equations give `der({dotted(field)})`",
                (e.span, "this is the second"),
                (earlier, "this is the first"),
                help="all that makes it change stands in one equation, as a sum",
            )

    def _of_slope(self, kept: tree.Equation, grid: Grid, place: Place) -> tree.Equation:
        """The condition `grad(c) at R = slope` as the value that follows; fluxes take the slope as it is given."""
        if not self._branches:
            self._slopes.append((kept.left, kept.right))
        slope = None if is_number(kept.right, 0.0) else kept.right
        return tree.Equation(grid.boundary(place), grid.continued(place, slope), kept.span)

    def _given_otherwise(self, e: tree.Equation) -> bool:
        """Whether all but the values at ends is known: numbers, parameters and inputs."""
        names = [n for side in (e.left, e.right) for n in names_in(side)]
        return all(self._resolver.level(n) < Level.UNKNOWN for n in names)

    def _at_centre(self, e: tree.Equation, ends: list[tree.At], grid: Grid) -> None:
        zero = any(isinstance(side, tree.Number) and side.value == 0.0 for side in (e.left, e.right))
        slope = any(c.function == "grad" for end in ends for c in calls_below(end.value))
        if not (zero and slope):
            where = "the centre of a sphere" if grid.layout.power == 2 else "the axis of a cylinder"
            self._report.say(
                "E0289",
                f"`{grid.field}` has a condition at {where}",
                (e.span, "nothing passes there, whatever is said"),
                help=f"leave it out; `grad({grid.field}) at {grid.label(Place.LEFT)} = 0` is accepted",
            )

    # --- fluxes ---

    def _transport(self, e: tree.Equation) -> None:
        """The field that an equation with `div` transports."""
        terms: list[_Term] = []
        rates: list[tuple[float, tree.Name]] = []
        for side, sign in ((e.left, 1.0), (e.right, -1.0)):
            for s, term in signed_terms(side, sign):
                for call in calls_below(term):
                    if call.function == "div" and id(call) in self._operators.fluxes:
                        terms.append(_Term(s, term is call, self._operators.fluxes[id(call)], call.span))
                    elif call.function == "der":
                        rates += [(s, f) for f in self._operators.fields_in(call.arguments)]
        if not terms:
            return
        if not rates:
            self._steady.append((terms, e.span))
            return
        sign, field = rates[0]
        self._forward(field, terms, sign)
        self._found(field, terms, -sign)

    def _forward(self, field: tree.Name, terms: list[_Term], sign: float) -> None:
        """Warns of signs by which a field is carried against its upwind side or gathers instead of spreading."""
        for term in terms:
            for moved, spreads, own in term.flux.moved:
                if dotted(moved) != dotted(field) or sign * term.sign * own < 0:
                    continue
                text = dotted(field)
                if spreads:
                    title, label = f"`{text}` gathers instead of spreading", "takes from the lesser value"
                    help = f"what spreads is `der({text}) = div(D*grad({text}))`, with a positive D"
                else:
                    title, label = f"`{text}` is carried against its own flow", "takes the value downstream"
                    help = f"write `-div(upwind(v, {text}))`; a flow to lesser coordinates has a negative v"
                self._report.say("W0504", title, (term.span, label), help=help)

    def close(self) -> None:
        """When all equations have been read: the field of each one without `der`, and fluxes that conditions give."""
        self._operators.equations = [self._given_flux(e) for e in self._operators.equations]
        known = set(self.spreads)
        for terms, _ in self._steady:
            moved = [m for t in terms for m in t.flux.moved]
            names = {dotted(f): f for f, spreads, _ in sorted(moved, key=lambda m: not m[1])}
            field = next((f for n, f in names.items() if n not in known), None)
            if field is None:
                continue
            known.add(dotted(field))
            sign = next(t.sign * s for t in terms for f, _, s in t.flux.moved if dotted(f) == dotted(field))
            self._found(field, terms, sign)

    def _found(self, field: tree.Name, terms: list[_Term], sign: float) -> None:
        text, entity = dotted(field), self._entity
        self.spreads[text] = self.spreads.get(text, False) or any(
            s for t in terms for _, s, _ in t.flux.moved
        )
        if entity is None or len(field.parts) > 1:
            return
        plain = all(t.plain for t in terms)
        fluxes = tuple((sign * t.sign, t.flux.array, t.flux.dimension) for t in terms)
        entity.fluxes[text] = fluxes if plain and text not in entity.fluxes else None

    def _given_flux(self, e: tree.Equation) -> tree.Equation:
        """The flow at an end is what its condition says, not what follows from the solution of that: it is exact."""
        if not any(" at " in part.name for n in names_in(e.right) for part in n.parts):
            return e
        for sides in self._said:
            for side, other in (sides, sides[::-1]):
                sign = same_flux(e.right, side)
                if sign:
                    return tree.Equation(
                        e.left, other if sign > 0 else tree.Unary("-", other, other.span), e.span
                    )
        for slope, given in self._slopes:
            e = replaced(e, slope, given)
        return e

    # --- joined ends ---

    def mention(self, e: tree.Connect) -> None:
        """Notes the ends that are connected."""
        for point in e.points:
            if isinstance(point, tree.At) and isinstance(point.value, tree.Name):
                with self._report.unsaid():
                    found = self._operators.end_of(point)
                if found is not None:
                    self._mentioned((dotted(point.value), found[1]))

    def joined(self, e: tree.Connect) -> list[tree.Equation]:
        """The equations of ends that are connected: values are equal, and what flows out of one flows into others."""
        ends: list[tuple[Grid, Place, tree.At]] = []
        for point in e.points:
            if not isinstance(point, tree.At) or not isinstance(point.value, tree.Name):
                title = "ends of fields are connected with ends of fields"
                help = "write `connect neg.c at L, sep.c at 0`"
                self._report.say("E0289", title, (point.span, "is none"), help=help)
                return []
            found = self._operators.end_of(point)
            own = grid_of(point.value, self._entity)
            if found is None or own is None:
                return []
            ends.append((own, found[1], point))
        values = [grid.boundary(place) for grid, place, _ in ends]
        units = [self._dimension(point.value) for _, _, point in ends]
        for point, unit in zip(e.points[1:], units[1:], strict=True):
            if not dimensions.agree(units[0], unit):
                a, b = dimensions.describe(units[0]), dimensions.describe(unit)
                title = f"{a} is connected to {b}"
                self._report.say(
                    "E0503", title, (point.span, f"this is {b}"), (e.points[0].span, f"this is {a}")
                )
                return []
        total: tree.Expr = number(0, e.span)
        first: tuple[Dimension | None, Span] | None = None
        for grid, place, point in ends:
            fluxes = self._fluxes(point, grid)
            if fluxes is None:
                return []
            outward = 1.0 if place is Place.RIGHT else -1.0
            index = number(1, e.span) if place is Place.LEFT else grid.count(-1)
            for sign, array, dimension in fluxes:
                there = name(grid.path, array, span=e.span, index=index)
                total = add(total, there) if sign * outward > 0 else _less(total, there)
                if first is not None and not dimensions.agree(first[0], dimension):
                    a, b = dimensions.describe(first[0]), dimensions.describe(dimension)
                    title = f"what flows is {a} at one end and {b} at the other"
                    help = "what stands in `div(…)` passes from one to the other: write it alike in both"
                    self._report.say(
                        "E0503", title, (point.span, f"this is {b}"), (first[1], f"this is {a}"), help=help
                    )
                    return []
                first = first or (dimension, point.span)
        equations = [tree.Equation(values[0], value, e.span) for value in values[1:]]
        return [*equations, tree.Equation(total, number(0, e.span), e.span)]

    def _dimension(self, field: tree.Expr) -> Dimension | None:
        assert isinstance(field, tree.Name)
        return self._resolver.resolve(field).dimension

    def _fluxes(self, point: tree.At, grid: Grid) -> tuple[tuple[float, str, Dimension | None], ...] | None:
        """The flows through the faces of a field that ends at `point`."""
        assert isinstance(point.value, tree.Name)
        entity = self._entity
        for part in point.value.parts[:-1]:
            member = entity.members.get(part.name) if entity is not None else None
            entity = member.entity if isinstance(member, Instance) else None
        assert entity is not None
        found = _inherited(entity, grid.field)
        if isinstance(found, tuple):
            return found
        title = f"it is not known what flows at the end of `{dotted(point.value)}`"
        label = "a factor stands before `div(…)`" if found is None else "no equation with `div(…)` is its own"
        if found is None:
            help = f"write the factor on the other side: `eps*der({grid.field}) = div(…)`"
        else:
            help = f"write an equation `der({grid.field}) = div(…)`, or without `der` for what is steady"
        self._report.say("E0289", title, (point.span, label), help=help)
        return None


def _inherited(entity: Entity, field: str) -> tuple | bool | None:
    """The fluxes of a field by an equation of the class or of a base; False where none has one."""
    if field in entity.fluxes:
        return entity.fluxes[field]
    for _, base in entity.bases:
        found = _inherited(base, field)
        if found is not False:
            return found
    return False


def _less(total: tree.Expr, term: tree.Expr) -> tree.Expr:
    if isinstance(total, tree.Number):
        return tree.Unary("-", term, term.span)
    return subtract(total, term)


def _is_slope(expr: tree.Expr) -> bool:
    """Whether an expression is `grad(c) at R` alone."""
    return (
        isinstance(expr, tree.At)
        and isinstance(expr.value, tree.Call)
        and expr.value.function == "grad"
        and isinstance(expr.value.arguments[0], tree.Name)
    )


def _ends_in(expr: tree.Expr) -> list[tree.At]:
    return [n for n in nodes_below(expr) if isinstance(n, tree.At)]
