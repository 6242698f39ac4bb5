"""Declarations of fields: the array over the cells, the constants of the grid, and the values at both ends."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from stiffdsl.check.fields.formulas import add, multiply, name, number, subtract
from stiffdsl.check.fields.grid import ENDS, Grid, Place, cells_class
from stiffdsl.check.fields.operators import Elaboration, hidden
from stiffdsl.check.model import ComponentUse, FieldEnd, FieldUse
from stiffdsl.check.names import VisibleNames
from stiffdsl.check.quantities import dimensions
from stiffdsl.check.quantities.units import Unit
from stiffdsl.check.symbols import FieldMember, Layout, Quantity
from stiffdsl.check.typed import Level, Typed
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show_expression

Result = TypeVar("Result")

_HOW_FACES = "write them as `at {0, 0.1, 0.3, 1}`, or name a `const` array"


@dataclass(frozen=True)
class FieldContent:
    """The declarations and equations that a field brings into its class."""

    variables: tuple[tree.Variable, ...]
    cells: ComponentUse
    equations: tuple[tree.Equation, ...]
    use: FieldUse


def array_of(field: tree.Field) -> tree.Variable:
    """A field as the variable that it is in the cells."""
    return tree.Variable(
        *("var", field.name, (), field.unit, None, None, field.start, field.guess, field.doc),
        *(field.span, field.name_span, field.nominal, field.min, field.max),
    )


def layout_of(field: tree.Field, walker: Elaboration) -> Layout:
    """The cells that a field declares."""
    over = field.over
    if over is None:  # reported where it was parsed
        over = tree.Range(number(0, field.span), number(1, field.span), field.span)
    first, last = over.first, over.last
    # `0..10 [um]`: the unit of the end counts for the beginning too.
    if isinstance(first, tree.Number) and isinstance(last, tree.Number) and first.unit is None:
        first = replace(first, unit=last.unit)
    ends = [_bound(e, field, walker) for e in (first, last)]
    unit = _unit_of(last, walker)
    if not dimensions.agree(ends[0].dimension, ends[1].dimension):
        a, b = (dimensions.describe(e.dimension) for e in ends)
        walker.rules.mismatch(
            "E0503", f"a field from {a} to {b}", last.span, f"this is {b}", (first.span, f"this is {a}")
        )
    dimension = ends[1].dimension if ends[0].dimension is None else ends[0].dimension
    power = tree.GEOMETRIES.index(field.geometry)
    cells, given, spacing = _spacing(field, unit, walker)
    labels = (_label(over.first), _label(over.last))
    return Layout(field.coordinate, ends[0], ends[1], labels, unit, dimension, cells, power, given, spacing)


def _label(expr: tree.Expr) -> str:
    text = show_expression(expr)
    bare = expr.operand if isinstance(expr, tree.Unary) and expr.operator == "-" else expr
    plain = isinstance(bare, (tree.Name, tree.Number))
    return text if plain else f"({text})"


def _bound(expr: tree.Expr, field: tree.Field, walker: Elaboration) -> Typed:
    value = walker.number(expr)
    what = f"an end of the field `{field.name}`"
    walker.resolver.require(value, expr, Level.PARAMETER, what)
    if value.rank:
        walker.report.say("E0226", f"{what} is a scalar", (expr.span, "this is an array"))
    return value


def _unit_of(expr: tree.Expr, walker: Elaboration) -> Unit | None:
    """The unit that bare numbers are in beside an end of a field."""
    if isinstance(expr, tree.Number):
        return walker.unit(expr.unit, expr.span)
    entity = walker.names.entity
    if entity is not None and isinstance(expr, tree.Name) and len(expr.parts) == 1:
        member = entity.members.get(expr.parts[0].name)
        return member.unit if isinstance(member, Quantity) else None
    return None


def _spacing(
    field: tree.Field, unit: Unit | None, walker: Elaboration
) -> tuple[tree.Expr, str | None, tree.Expr | None]:
    """The number of cells, and the form and the values of what makes them uneven."""
    one = number(1, field.span)
    if field.faces is not None:
        what = f"the faces of the field `{field.name}`"
        value = walker.given(field.faces, unit, Level.CONSTANT, what)
        count = _length(field.faces, walker)
        if value.rank != 1 or count is None:
            title = f"{what} are not a list"
            walker.report.say("E0112", title, (field.faces.span, "not known as an array"), help=_HOW_FACES)
            return one, None, None
        return subtract(count, one), "faces", value.expr
    if field.cells is None:
        return one, None, None
    cells = walker.number(field.cells)
    walker.resolver.require(cells, field.cells, Level.CONSTANT, f"the number of cells of `{field.name}`")
    if field.grading is None:
        return cells.expr, None, None
    grading = walker.number(field.grading)
    walker.resolver.require(grading, field.grading, Level.CONSTANT, f"the grading of `{field.name}`")
    return cells.expr, "grading", grading.expr


def _length(expr: tree.Expr, walker: Elaboration) -> tree.Expr | None:
    """The number of items of an array that is written out, or declared as a constant."""
    if isinstance(expr, tree.ArrayLiteral):
        return number(len(expr.items), expr.span)
    if isinstance(expr, tree.Comprehension) and len(expr.iterators) == 1 and expr.function is None:
        over = walker.number(expr.iterators[0].range).expr
        if isinstance(over, tree.Range):
            return add(subtract(over.last, over.first), number(1, expr.span))
        return over
    entity = walker.names.entity
    if entity is not None and isinstance(expr, tree.Name) and len(expr.parts) == 1:
        member = entity.members.get(expr.parts[0].name)
        if isinstance(member, Quantity) and member.rank == 1:
            variable = member.variable
            if variable.dimensions:
                return walker.number(variable.dimensions[0]).expr
            return None if variable.value is None else _length(variable.value, walker)
    return None


def content_of(
    field: tree.Field,
    member: FieldMember,
    walker: Elaboration,
    variable: Callable[[tree.Variable], tree.Variable],
) -> FieldContent:
    """The content that a field with its layout brings along; `variable` elaborates a declaration of this class."""
    layout, span = member.layout, field.name_span
    assert layout is not None
    grid = Grid((), field.name, layout, span)
    inside = Typed(
        grid.coordinate("centres"),
        layout.dimension,
        1,
        max(layout.first.level, layout.last.level),
        False,
    )
    own = with_coordinate(
        walker, layout, inside, lambda: variable(replace(array_of(field), dimensions=(layout.cells,)))
    )
    own = replace(own, dimensions=(layout.cells,))
    variables, equations, ends = [own], [], []
    for place in ENDS:
        value, beside = grid.boundary(place), grid.continued(place, None)
        variables.append(hidden(value.parts[0].name, (), span))
        ends.append(FieldEnd(grid.label(place), value, beside, grid.continued(place, _rise(grid, place))))
    if layout.centre:
        equations.append(tree.Equation(ends[0].value, ends[0].beside, span))
    modifiers = [tree.Modifier("cells", "value", layout.cells, span)]
    if layout.spacing is not None:
        modifiers.append(tree.Modifier("spacing", "value", layout.spacing, span))
    cells = ComponentUse("part", field.name, (), cells_class(layout, span), tuple(modifiers), None, span)
    bounds = (layout.first.expr, layout.last.expr)
    use = FieldUse(field.name, span, (ends[0], ends[1]), layout.centre, bounds, layout.given == "faces")
    return FieldContent(tuple(variables), cells, tuple(equations), use)


def _rise(grid: Grid, place: Place) -> tree.Expr:
    """The slope between the two cells beside an end."""
    one, two, last = number(1, grid.span), number(2, grid.span), grid.cells
    i, j = (one, two) if place is Place.LEFT else (grid.count(1), last)

    def at(index: tree.Expr) -> tree.Expr:
        return name(grid.path, grid.field, span=grid.span, index=index)

    step = grid.step()
    if grid.layout.spacing is not None:
        at_end = one if place is Place.LEFT else grid.count(1)
        step = multiply(grid.length, grid.constant("steps", at_end))
    return tree.Binary("/", subtract(at(j), at(i)), step, grid.span)


def with_coordinate(
    walker: Elaboration, layout: Layout, value: Typed, action: Callable[[], Result]
) -> Result:
    """Runs `action` where the name of a field's coordinate stands for `value`."""
    outer = walker.resolver.names
    arguments = {**outer.arguments, layout.coordinate: value}
    walker.resolver.names = VisibleNames(outer.scope, outer.entity, arguments, outer.iterators)
    try:
        return action()
    finally:
        walker.resolver.names = outer
