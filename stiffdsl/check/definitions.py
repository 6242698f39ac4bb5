"""Quantities that an equation defines: `dT = T - Tamb` says that dT, in [K] or without a unit, is a difference.

What is told by a definition holds in the other equations, wherever they stand: definitions are looked at first.
"""

from collections.abc import Sequence
from typing import Any

from stiffdsl.check.quantities.units import parse_unit
from stiffdsl.check.symbols import Entity, Quantity
from stiffdsl.syntax import tree

_KELVIN = parse_unit("K").dimension


def definitions(statements: Sequence[tree.Statement], entity: Entity | None) -> list[tree.Statement]:
    """The statements that define such quantities, each after those that it mentions."""
    if entity is None or not _counts_offsets(entity):
        return []
    waiting = {k: names for k, s in enumerate(statements) if (names := _defined(s, entity))}
    order: list[tree.Statement] = []
    while waiting:
        unknown = set().union(*waiting.values())
        ready = [k for k, own in waiting.items() if not (_mentioned(statements[k]) - own) & unknown]
        for k in ready or list(waiting):
            order.append(statements[k])
            del waiting[k]
    return order


def defined_by(equation: tree.Equation, entity: Entity | None) -> str | None:
    """The quantity that an equation defines, whose offsets its declaration leaves open."""
    left = equation.left
    if entity is None or not isinstance(left, tree.Name) or len(left.parts) != 1:
        return None
    member = entity.members.get(left.parts[0].name)
    if not isinstance(member, Quantity) or member.variable.kind not in ("var", "output"):
        return None
    unit = member.unit
    opens = unit is None or (unit.dimension == _KELVIN and unit.shift == 0.0)
    return left.parts[0].name if opens else None


def _counts_offsets(entity: Entity) -> bool:
    """Whether a quantity of the class is in degC or degF."""
    members = entity.members.values()
    return any(isinstance(m, Quantity) and m.unit is not None and m.unit.shift != 0.0 for m in members)


def _defined(statement: Any, entity: Entity) -> set[str]:
    if isinstance(statement, tree.For):
        return set().union(*(_defined(s, entity) for s in statement.body))
    name = defined_by(statement, entity) if isinstance(statement, tree.Equation) else None
    return set() if name is None else {name}


def _mentioned(node: Any) -> set[str]:
    """The first names of all names in a tree."""
    if isinstance(node, tree.Name):
        inner = set().union(*(_mentioned(part.indices) for part in node.parts))
        return {node.parts[0].name} | inner
    if isinstance(node, tuple):
        return set().union(*map(_mentioned, node))
    fields = getattr(node, "__dataclass_fields__", ())
    return set().union(*(_mentioned(getattr(node, f)) for f in fields if f != "span"))
