"""Print a checked model: every class once, parts before what they are part of, inherited content in place.

The text is SML, in SI: what it says is what the later stages work on.
"""

from dataclasses import replace
from itertools import product

from stiffdsl.check.model import CheckedModel, Class, TableUse
from stiffdsl.check.quantities.dimensions import symbol_of
from stiffdsl.check.quantities.units import parse_unit
from stiffdsl.check.tables import Driven, Tabulated
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show as show_tree

# Rows of a table that are written.
MOST_ROWS = 50


def show(checked: CheckedModel) -> str:
    """The classes of the model as text."""
    order: dict[int, Class] = {}
    _collect(checked.root, order)
    classes = [*order.values()]
    declarations = tuple(_declaration(cls) for cls in classes)
    return show_tree(tree.Module((), declarations, checked.root.span))


def _collect(cls: Class, order: dict[int, Class]) -> None:
    if id(cls) in order:
        return
    for use in cls.components:
        _collect(use.cls, order)
    order[id(cls)] = cls


def _declaration(cls: Class) -> tree.Model | tree.Connector:
    variables = tuple(_in_si(v) for v in cls.variables)
    components = tuple(
        tree.Component(
            *(u.kind, u.name, u.dimensions, u.cls.name, _modifiers(u.modifiers), u.doc),
            *(u.span, u.span, u.span, u.condition),
        )
        for u in cls.components
    )
    tables = tuple(_table(t) for t in cls.tables)
    networks = tuple(
        replace(n, arguments=tuple(map(_value_in_si, n.arguments)), result=_value_in_si(n.result))
        for n in cls.networks
    )
    if cls.kind == "connector":
        return tree.Connector(cls.name, cls.doc, cls.variables, cls.span, cls.span, components)
    return tree.Model(
        name=cls.name,
        partial=cls.partial,
        doc=cls.doc,
        extends=(),
        declarations=(
            *variables,
            *tables,
            *networks,
            *components,
            *cls.observations,
            *((tree.Dose(cls.doses, cls.span),) if cls.doses else ()),
        ),
        equations=cls.equations,
        initial=cls.initial,
        reactions=cls.reactions,
        experiment=cls.experiment,
        span=cls.span,
        name_span=cls.span,
    )


def _value_in_si(value: tree.NetworkValue) -> tree.NetworkValue:
    return replace(value, unit=_si(value.unit))


def _table(use: TableUse) -> tree.TableDeclaration:
    """A table in SI, its rows written in place."""
    arguments, unit, value = (), None, None
    if isinstance(use.value, Tabulated):
        data = use.value.data
        arguments = tuple((name, _si(u)) for name, u in data.arguments)
        unit, value = _si(data.unit), _rows(use.value)
    return tree.TableDeclaration(use.name, arguments, unit, value, None, use.span, use.span)


def _modifiers(modifiers: tuple[tree.Modifier, ...]) -> tuple[tree.Modifier, ...]:
    return tuple(replace(m, value=_as_written(m.value)) for m in modifiers)


def _as_written(value: tree.Expr | Tabulated | Driven) -> tree.Expr:
    """The value of a modifier; figures as rows, or as the file that they are from."""
    if isinstance(value, Tabulated):
        return _rows(value)
    return value.written if isinstance(value, Driven) else value


def _rows(table: Tabulated) -> tree.Expr:
    """The rows of a table in place; of a long one its name."""
    data, span = table.data, table.span
    if data.values.size > MOST_ROWS:
        return tree.Name(tuple(tree.Part(name) for name in data.name.split(".")), span)
    rows = zip(product(*(x.tolist() for x in data.knots)), data.values.ravel().tolist(), strict=True)

    def number(value: float) -> tree.Number:
        return tree.Number(value, None, span)

    return tree.ArrayLiteral(
        tuple(tree.Pair((*map(number, x), number(value)), span) for x, value in rows), span
    )


def _si(unit: str | None) -> str | None:
    return None if unit is None else symbol_of(parse_unit(unit).dimension) or "1"


def _in_si(variable: tree.Variable) -> tree.Variable:
    """With the SI unit in place of the declared one: its values are in SI, and those of enumerations numbers."""
    variable = replace(variable, type=None)
    if isinstance(variable.value, Driven):
        return replace(variable, value=variable.value.written)
    if variable.unit is None:
        return variable
    unit = parse_unit(variable.unit)
    return variable if unit.is_si else replace(variable, unit=symbol_of(unit.dimension))
