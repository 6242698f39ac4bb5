"""Fields that names stand for, and names of fields in expressions."""

from collections.abc import Iterator
from typing import Any

from stiffdsl.check.fields.formulas import Path
from stiffdsl.check.fields.grid import Grid
from stiffdsl.check.symbols import Entity, FieldMember, Instance
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import nodes_below

# What stands behind the name of a field, besides its coordinate.
FACES = "faces"


def field_of(name: tree.Name, entity: Entity | None) -> tuple[FieldMember, int] | None:
    """The field that a name begins with, and the number of parts up to it."""
    for k, part in enumerate(name.parts):
        member = entity.members.get(part.name) if entity is not None else None
        if isinstance(member, FieldMember):
            return member, k + 1
        entity = member.entity if isinstance(member, Instance) else None
    return None


def grid_of(name: tree.Name, entity: Entity | None) -> Grid | None:
    """The grid of the field that is `name`, as a whole."""
    found = field_of(name, entity)
    if found is None or found[1] < len(name.parts) or name.parts[-1].indices:
        return None
    member = found[0]
    return (
        None
        if member.layout is None
        else Grid(name.parts[:-1], member.variable.name, member.layout, name.span)
    )


def has_fields(entity: Entity | None) -> bool:
    """Whether a class, or a part of it at any depth, holds fields."""
    waiting, seen = [entity], set()
    while waiting:
        e = waiting.pop()
        if e is None or id(e) in seen:
            continue
        seen.add(id(e))
        for member in e.members.values():
            if isinstance(member, FieldMember):
                return True
            if isinstance(member, Instance):
                waiting.append(member.entity)
    return False


def path_of(name: tree.Name, count: int) -> Path:
    return name.parts[: count - 1]


def names_below(expr: Any) -> Iterator[tree.Name]:
    """Every name in an expression as it was written, `at` included, from left to right."""
    return (node for node in nodes_below(expr) if isinstance(node, tree.Name))


def calls_below(expr: Any) -> Iterator[tree.Call]:
    """Every call in an expression as it was written, outer ones first."""
    return (node for node in nodes_below(expr) if isinstance(node, tree.Call))
