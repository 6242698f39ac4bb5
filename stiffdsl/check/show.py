"""Print a checked model: every class once, parts before what they are part of, inherited content in place.

The text is SML, in SI: what it says is what the later stages work on.
"""

from dataclasses import replace

from stiffdsl.check.dimensions import symbol_of
from stiffdsl.check.model import CheckedModel, Class
from stiffdsl.check.units import parse_unit
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show as show_tree


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
    if cls.kind == "connector":
        return tree.Connector(cls.name, cls.doc, cls.variables, cls.span, cls.span)
    variables = tuple(_in_si(v) for v in cls.variables)
    components = tuple(
        tree.Component(u.kind, u.name, u.dimensions, u.cls.name, u.modifiers, u.doc, u.span, u.span, u.span)
        for u in cls.components
    )
    return tree.Model(
        name=cls.name,
        partial=cls.partial,
        doc=cls.doc,
        extends=(),
        declarations=(*variables, *components),
        equations=cls.equations,
        initial=cls.initial,
        reactions=cls.reactions,
        experiment=cls.experiment,
        span=cls.span,
        name_span=cls.span,
    )


def _in_si(variable: tree.Variable) -> tree.Variable:
    """With the SI unit in place of the declared one: its values are in SI, and those of enumerations numbers."""
    variable = replace(variable, type=None)
    if variable.unit is None:
        return variable
    unit = parse_unit(variable.unit)
    return variable if unit.is_si else replace(variable, unit=symbol_of(unit.dimension))
