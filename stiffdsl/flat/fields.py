"""Fields on a line, when all parts are known: cells are looked at, and ends that no equation mentions are closed."""

from dataclasses import replace

import numpy as np

from stiffdsl.check.model import FieldEnd, FieldUse
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Fault, Node
from stiffdsl.flat.numeric import truth
from stiffdsl.flat.template import MINUS_ONE, mentions_time
from stiffdsl.syntax import tree

FEWEST_CELLS = 3
# By which the ends of faces that are written by hand may miss those of the field, relative to its length.
_ROUNDING = 1e-9


def check_cells(context: Context, node: Node) -> None:
    """Refuses cells that are none: too few, or faces that do not ascend from one end to the other."""
    for field in node.cls.fields:
        context.attempt(lambda field=field: _check_cells(context, node, field))


def _check_cells(context: Context, node: Node, field: FieldUse) -> None:
    cells = node.children[field.name]
    count = float(np.ravel(context.constant_of(cells, "cells"))[0])
    if count != round(count) or count < FEWEST_CELLS:
        raise Fault(
            "E0331",
            f"the field `{_name(node, field)}` cannot have {_number(count)} cells",
            field.span,
            help=f"it has a whole number of cells, at least {FEWEST_CELLS}",
        )
    if field.by_hand:
        _check_faces(context, node, field, context.constant_of(cells, "spacing"))
    elif "spacing" in cells.declared and not np.ravel(context.constant_of(cells, "spacing"))[0] > 0:
        raise Fault("E0331", f"the grading of `{_name(node, field)}` is not positive", field.span)
    look = StatementExpansion(context, node, IterationDomain.grid((1,) * len(node.prefix)), auxiliary=False)
    first, last = (_known(look, bound) for bound in field.bounds)
    if first is not None and last is not None and not first < last:
        title = f"the field `{_name(node, field)}` ends where it begins, or before"
        raise Fault("E0331", title, field.span, help="write the lesser end first: `over 0..L`")
    if isinstance(look.expand(field.bounds[0]), tuple) or isinstance(look.expand(field.bounds[1]), tuple):
        _keep_apart(context, node, field, first, last)


def _keep_apart(
    context: Context, node: Node, field: FieldUse, first: float | None, last: float | None
) -> None:
    """Parameters that are the ends of a field stay in their order, also in runs with other values."""
    for end, other, side in ((1, first, "min"), (0, last, "max")):
        if other is None or not isinstance(field.bounds[1 - end], tree.Number | tree.Unary):
            continue
        if _limit(node, field.bounds[end], other, side):
            return
    domain = IterationDomain.grid(node.prefix)
    look, (low, high) = StatementExpansion(context, node, domain, auxiliary=False), field.bounds
    rows = look.rows(look.lift(look.expand(tree.Binary("-", high, low, field.span))), field.span)
    doc = f"the field `{_name(node, field)}` ends where it begins, or before"
    _stay_positive(context, f"length of {_name(node, field)}", rows, doc)


def _limit(node: Node, bound: tree.Expr, other: float, side: str) -> bool:
    """Bounds a parameter that is an end of a field; whether the end is one."""
    if not isinstance(bound, tree.Name) or len(bound.parts) != 1 or bound.parts[0].indices:
        return False
    block = node.blocks.get(bound.parts[0].name)
    if block is None or block.kind != "param":
        return False
    own = block.sizes.get(side, np.full(block.size, other))
    block.sizes[side] = np.maximum(own, other) if side == "min" else np.minimum(own, other)
    return True


def _stay_positive(context: Context, label: str, rows: Rows, doc: str) -> None:
    """A hidden parameter, or where more than parameters decide it a hidden variable, that is not below zero: else `doc`
    is what is wrong."""
    if set(rows.kinds) <= {"param", "const"} and not rows.sums and not mentions_time(rows.skeleton):
        context.parameter_values.append(
            (context.hidden_inputs(rows.size, label, "param", rows.span, doc), rows)
        )
        block = context.parameters[-1]
    else:
        block = context.block(((label, (rows.size,)),), "hidden", None, doc, rows.span)
        difference = ("add", ("slot", len(rows.kinds)), ("mul", MINUS_ONE, rows.skeleton))
        own = block.offset + np.arange(rows.size)
        context.equations.add(
            replace(rows, skeleton=difference, kinds=(*rows.kinds, "var"), columns=(*rows.columns, own))
        )
    block.sizes["min"] = np.zeros(rows.size)


def _check_faces(context: Context, node: Node, field: FieldUse, faces: np.ndarray) -> None:
    if np.any(np.diff(faces) <= 0):
        title = f"the faces of `{_name(node, field)}` do not ascend"
        raise Fault("E0331", title, field.span, help="write them in order, from one end to the other")
    look = StatementExpansion(context, node, IterationDomain.grid((1,) * len(node.prefix)), auxiliary=False)
    for bound, face in zip(field.bounds, (faces[0], faces[-1]), strict=True):
        end = _known(look, bound)
        if end is not None and abs(face - end) > _ROUNDING * (faces[-1] - faces[0]):
            which = "first" if bound is field.bounds[0] else "last"
            raise Fault(
                "E0331",
                f"the {which} face of `{_name(node, field)}` is not its end",
                field.span,
                f"{face:g} in SI, and the end is {end:g}",
                help="the list of faces holds both ends",
            )


def _known(look: StatementExpansion, bound: tree.Expr) -> float | None:
    """An end as it is declared: a constant, or a parameter whose value is a number."""
    if isinstance(bound, tree.Name) and len(bound.parts) == 1 and not bound.parts[0].indices:
        variable = look.node.declared.get(bound.parts[0].name)
        given = look.node.modifiers.get((bound.parts[0].name, "value"))
        if variable is not None and variable.kind == "param":
            value = given.value if given is not None else variable.value
            sign = 1.0
            while isinstance(value, tree.Unary) and value.operator == "-":
                sign, value = -sign, value.operand
            return sign * value.value if isinstance(value, tree.Number) else None
    value = look.expand(bound)
    return None if isinstance(value, tuple) else float(np.ravel(value)[0])


def open_ends(context: Context, nodes: list[Node]) -> list[tuple[Node, tree.Equation]]:
    """Equations for ends of fields that need none of their author's: what is carried along leaves with the value of the
    last cell, and what does not move is continued from its cells."""
    said: set[tuple[int, str, int]] = set()
    spreads: dict[tuple[int, str], bool] = {}
    for node in nodes:
        for dotted, end, conditions in node.cls.field_ends:
            owner = _owner(node, dotted)
            if owner is not None and all(_holds(context, node, c) for c in conditions):
                said.add((id(owner), dotted.rpartition(".")[2], end))
        for dotted, by_gradient in node.cls.spreads:
            owner = _owner(node, dotted)
            if owner is not None:
                key = id(owner), dotted.rpartition(".")[2]
                spreads[key] = spreads.get(key, False) or by_gradient
    speeds: dict[tuple[int, str, int], list[tuple[Node, tree.Expr]]] = {}
    for node in nodes:
        for dotted, end, speed in node.cls.speeds:
            owner = _owner(node, dotted)
            if owner is not None:
                speeds.setdefault((id(owner), dotted.rpartition(".")[2], end), []).append((node, speed))
    found: list[tuple[Node, tree.Equation]] = []
    for node in nodes:
        for field in node.cls.fields:
            ends = [
                k for k in (0, 1) if (id(node), field.name, k) not in said and not (field.centre and k == 0)
            ]
            kind = spreads.get((id(node), field.name))
            lacking = [field.ends[k] for k in ends]
            if kind or (kind is False and len(ends) + field.centre == 2):
                for end in lacking:
                    context.attempt(lambda n=node, f=field, e=end, k=kind: _miss(n, f, e, bool(k)))
                continue
            for k, end in zip(ends, lacking, strict=True):
                for place, speed in speeds.get((id(node), field.name, k), ()) if kind is False else ():
                    context.attempt(
                        lambda p=place, v=speed, n=node, f=field, e=k: _leaves(context, p, v, n, f, e)
                    )
                value = end.beside if kind is False else end.extrapolated
                found.append((node, tree.Equation(end.value, value, field.span)))
    return found


def _miss(node: Node, field: FieldUse, end: FieldEnd, spreads: bool) -> None:
    name, at = field.name, end.label
    help = f"write `{name} at {at} = …`, or `grad({name}) at {at} = 0` where nothing passes"
    if not spreads:
        help = f"write `{name} at {at} = …` at the end where it comes in"
    raise Fault(
        "E0330",
        f"the field `{_name(node, field)}` has no condition at {at}",
        field.span,
        "says nothing there",
        help=help,
    )


def _holds(context: Context, node: Node, condition: tree.Expr) -> bool:
    """Whether a condition of constants holds: they are the same in all members of a part."""
    look = StatementExpansion(context, node, IterationDomain.grid(node.prefix), auxiliary=False)
    return bool(np.all(truth(look.structural(condition, "the condition around equations"))))


def _leaves(context: Context, place: Node, speed: tree.Expr, node: Node, field: FieldUse, end: int) -> None:
    """Refuses a `speed`, in the equations of `place`, by which a field comes in at an end where nothing is said: it
    leaves there."""
    outward = speed if end else tree.Unary("-", speed, speed.span)
    look = StatementExpansion(context, place, IterationDomain.grid(place.prefix), auxiliary=False)
    value = look.expand(outward)
    if not isinstance(value, tuple) and np.all(value >= 0):
        return
    rows = look.rows(look.lift(value), speed.span)
    at = field.ends[end].label
    doc = f"the field `{_name(node, field)}` comes in at {at}, where nothing gives its value"
    _stay_positive(context, f"speed of {_name(node, field)} out of its end at {at}", rows, doc)


def _owner(node: Node, dotted: str) -> Node | None:
    """The part that the field of a dotted name is declared in."""
    owner: Node | None = node
    for part in dotted.split(".")[:-1]:
        owner = owner.children.get(part) if owner is not None else None
    return owner


def _name(node: Node, field: FieldUse) -> str:
    return f"{node.name}.{field.name}" if node.name else field.name


def _number(value: float) -> str:
    return f"{value:g}"
