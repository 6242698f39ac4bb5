"""A checked model as the text of one file that stands by itself: no imports, no inheritance, units as declared.

    parse and check of `text(checked)` give the same model again

Classes of one name from different files get numbers. Inside of expressions numbers are in SI; a number that is given
to something declared in another unit is written in that unit, as its author wrote it.
"""

from collections.abc import Iterable
from dataclasses import replace

from stiffdsl.check.model import CheckedModel, Class, ComponentUse
from stiffdsl.check.names import dotted, names_in
from stiffdsl.check.quantities.units import Unit, parse_unit
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show

# Digits of a number, from the fewest on, until it reads back as the same value in SI.
_DIGITS = range(1, 18)


def text(checked: CheckedModel) -> str:
    """The classes of the model, parts before what they are part of; the main model comes last."""
    return show(tree.Module((), declarations(checked.root), checked.root.span))


def declarations(root: Class) -> tuple[tree.Model | tree.Connector, ...]:
    """Every class that `root` is made of, as it can be declared in one file."""
    order: dict[int, Class] = {}
    _collect(root, order)
    names = _names(order)
    return tuple(_declaration(cls, names) for cls in order.values())


def _collect(cls: Class, order: dict[int, Class]) -> None:
    if id(cls) in order:
        return
    for use in cls.components:
        if use.cls.kind != "reaction":
            _collect(use.cls, order)
    order[id(cls)] = cls


def _names(order: dict[int, Class]) -> dict[int, str]:
    """A name of its own for each class; the main model, which is the last, keeps its own."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for key, cls in reversed(order.items()):
        name, k = cls.name, 2
        while name in taken:
            name, k = f"{cls.name}_{k}", k + 1
        names[key] = name
        taken.add(name)
    return names


def _declaration(cls: Class, names: dict[int, str]) -> tree.Model | tree.Connector:
    consts = {v.name for v in cls.variables if v.kind == "const" and v.unit is None}
    variables = tuple(_variable(v, consts) for v in cls.variables)
    components = tuple(
        tree.Component(
            u.kind,
            u.name,
            u.dimensions,
            names[id(u.cls)],
            tuple(_modifier(m, u, consts) for m in u.modifiers),
            u.doc,
            u.span,
            u.span,
            u.span,
            u.condition,
        )
        for u in cls.components
        if u.cls.kind != "reaction"
    )
    if cls.kind == "connector":
        return tree.Connector(names[id(cls)], cls.doc, variables, cls.span, cls.span, components)
    return tree.Model(
        name=names[id(cls)],
        partial=False,
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


def _variable(variable: tree.Variable, consts: set[str]) -> tree.Variable:
    unit = parse_unit(variable.unit) if variable.unit is not None else None
    if unit is None or unit.is_si:
        # Labels are numbers by now.
        return variable if variable.type is None else replace(variable, type=None, labels=())
    bounds = variable.range
    return replace(
        variable,
        value=_given(variable.value, unit, consts),
        start=_given(variable.start, unit, consts),
        guess=_given(variable.guess, unit, consts),
        nominal=_given(variable.nominal, unit.difference, consts),
        min=_given(variable.min, unit, consts),
        max=_given(variable.max, unit, consts),
        range=bounds
        and replace(bounds, first=_given(bounds.first, unit, consts), last=_given(bounds.last, unit, consts)),
    )


def _modifier(modifier: tree.Modifier, use: ComponentUse, consts: set[str]) -> tree.Modifier:
    cls = use.cls
    *parts, last = modifier.name.split(".")
    for part in parts:
        cls = next(u.cls for u in cls.components if u.name == part)
    target = next(v for v in cls.variables if v.name == last)
    unit = parse_unit(target.unit) if target.unit is not None else None
    if unit is not None and modifier.attribute == "nominal":
        unit = unit.difference
    value = _given(modifier.value, unit, consts)
    assert value is not None
    return replace(modifier, value=value)


def _given(expr: tree.Expr | None, unit: Unit | None, consts: set[str]) -> tree.Expr | None:
    """The written form of a value in SI that is given to something declared in `unit`.

    An expression of numbers alone is read in that unit, so the conversion that `check` made is undone.
    """
    if expr is None or unit is None or unit.is_si:
        return expr
    if isinstance(expr, tree.ArrayLiteral):
        return replace(expr, items=tuple([_given(item, unit, consts) or item for item in expr.items]))
    if isinstance(expr, tree.Number):
        return replace(expr, value=_shortest(expr.value, unit))
    bare = consts | _iterators(expr) | {"pi", "true", "false"}
    if any(dotted(n) not in bare for n in names_in(expr)):
        return expr
    if unit.shift != 0.0:
        shift = tree.Number(unit.shift, None, expr.span)
        undone = expr.left if isinstance(expr, tree.Binary) and expr.right == shift else None
        expr = undone or tree.Binary("-", expr, shift, expr.span)
    if unit.scale != 1.0:
        scale = tree.Number(unit.scale, None, expr.span)
        undone = expr.right if isinstance(expr, tree.Binary) and expr.left == scale else None
        expr = undone or tree.Binary("/", expr, scale, expr.span)
    return expr


def _iterators(expr: tree.Expr) -> set[str]:
    """The names of the indices that comprehensions inside of `expr` bind."""
    found: set[str] = set()
    stack: list[object] = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, tree.Iterator):
            found.add(e.name)
        for name in getattr(e, "__slots__", ()):
            if name != "span":
                inner = getattr(e, name)
                stack.extend(inner if isinstance(inner, Iterable) and not isinstance(inner, str) else [inner])
    return found


def _shortest(value: float, unit: Unit) -> float:
    """The number of fewest digits that is `value` in SI when it is read in `unit`."""
    own = (value - unit.shift) / unit.scale
    for digits in _DIGITS:
        short = float(f"{own:.{digits}g}")
        if unit.to_si(short) == value:
            return short
    return own
