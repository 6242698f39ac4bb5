"""Modifiers: `Resistor(R = 1e3)`, `Capacitor(v start 5)`, `Room(wall.C = 2)`; found, checked, written in SI.

A modifier is written in the class that uses the component, so its value sees the names of that class; its
unit is the one that the modified quantity declares.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from stiffdsl.check.bundles import KIND, given_whole
from stiffdsl.check.expressions import Walker
from stiffdsl.check.names import count_of
from stiffdsl.check.quantities.dimensions import agree
from stiffdsl.check.symbols import (
    Entity,
    FunctionMember,
    Instance,
    Member,
    NetworkMember,
    Quantity,
    TableMember,
)
from stiffdsl.check.tables import Driven, Tabulated, is_reader
from stiffdsl.check.typed import Level
from stiffdsl.syntax import tree
from stiffdsl.syntax.tree import SIZES

# The highest variability of a value. An input or a variable of a part may be bound to any expression.
_HIGHEST = {"const": Level.CONSTANT, "param": Level.PARAMETER}
# Of these, one that is given further out is the only one that counts.
BEGINNINGS = ("start", "guess")


def elaborate_modifiers(
    modifiers: Iterable[tree.Modifier], target: Entity, walker: Walker, dimensions: int = 0
) -> tuple[tree.Modifier, ...]:
    """Modifiers of an instance of `target` (an array of `dimensions` indices), checked and in SI."""
    kept: dict[tuple, tree.Modifier] = {}
    for modifier in modifiers:
        key = modifier.key
        if key in kept:
            named = modifier.attribute in ("value", "class")
            what = modifier.name if named else f"{modifier.name} {modifier.attribute}"
            walker.report.say(
                "E0241",
                f"`{what}` is modified twice",
                (modifier.span, "again"),
                (kept[key].span, "first here"),
                help="keep one of them",
            )
            continue
        if modifier.attribute == "class":
            kept |= {m.key: m for m in _of_replaced(modifier, target, walker, dimensions)}
            continue
        bundle = _bundle(modifier, target)
        if bundle is not None:
            given = given_to_bundle(f"{modifier.name}.", target, bundle, modifier.value, walker, dimensions)
            kept |= {m.key: m for m in given}
            continue
        done = _elaborate(modifier, target, walker, dimensions)
        if done is not None:
            kept[key] = done
    return tuple(kept.values())


def _bundle(modifier: tree.Modifier, target: Entity) -> Entity | None:
    """The class of the bundle of inputs that a modifier gives as a whole."""
    entity, member = target, None
    if modifier.attribute != "value" or modifier.parts:
        return None
    for segment in modifier.name.split("."):
        member = None if entity is None else entity.members.get(segment)
        entity = member.entity if isinstance(member, Instance) else None
    return entity if isinstance(member, Instance) and member.component.kind == KIND else None


def given_to_bundle(
    before: str, target: Entity, bundle: Entity, value: tree.Expr, walker: Walker, dimensions: int = 0
) -> Iterable[tree.Modifier]:
    """The modifiers of an instance of `target` that give the members of a bundle in it what `value` holds."""
    for modifier in given_whole(before, bundle, value, walker):
        whole = isinstance(modifier.value, Driven)
        done = modifier if whole else _elaborate(modifier, target, walker, dimensions)
        if done is not None:
            yield done


def _of_replaced(
    modifier: tree.Modifier, target: Entity, walker: Walker, outer: int
) -> Iterable[tree.Modifier]:
    """The modifiers of a class that takes the place of another, with the names that they have from outside."""
    found = _find(modifier, target, walker)
    if found is None:
        return
    member, rank = found
    if not isinstance(member, Instance):
        title = f"`{modifier.name}` is no part, it has no class"
        walker.report.say(
            "E0242", title, (modifier.span, "cannot be replaced"), (member.span, "declared here")
        )
        return
    if member.entity is None:
        return
    for inner in elaborate_modifiers(modifier.modifiers, member.entity, walker, outer + rank):
        before = tuple(tree.Part(p) for p in modifier.name.split("."))
        parts = (*before, *inner.parts) if inner.parts else ()
        yield replace(inner, name=f"{modifier.name}.{inner.name}", parts=parts)


def _elaborate(modifier: tree.Modifier, target: Entity, walker: Walker, outer: int) -> tree.Modifier | None:
    found = _find(modifier, target, walker)
    if found is None:
        walker.walk(modifier.value)  # its own mistakes are worth a word
        return None
    member, rank = found
    report = walker.report
    if isinstance(member, TableMember) and modifier.parts:
        title = f"`{modifier.name}` is a table, the same in all components of an array"
        report.say("E0242", title, (modifier.span, "cannot be set for some"))
        return None
    if isinstance(member, FunctionMember) and isinstance(modifier.value, tree.Name):
        return None  # the class has it in its place
    if isinstance(member, TableMember):
        return _replaced(modifier, member.table, walker)
    if isinstance(member, NetworkMember):
        report.say(
            "E0298",
            f"`{modifier.name}` is a network, it is not given by a modifier",
            (modifier.span, "cannot be set"),
            (member.span, "declared here"),
            help="its weights are parameters of a run; a network that parts share stands outside of all models",
        )
        return None
    parts = ()
    if modifier.parts and isinstance(member, Quantity) and member.variable.kind == "const":
        report.say(
            "E0242",
            f"`{modifier.name}` is a const, the same in all components of an array",
            (modifier.span, "cannot be set for some"),
            (member.span, "declared here"),
            help="declare it as a `param`, or the components one by one",
        )
        return None
    if modifier.parts:
        indexed = _indexed(modifier, target, walker)
        if indexed is None:
            return None
        parts, rank = indexed
    if isinstance(member, Instance):
        known = (
            [n for n, m in member.entity.members.items() if isinstance(m, Quantity)] if member.entity else []
        )
        report.say(
            "E0242",
            f"`{modifier.name}` is a {member.component.kind}, it has no value",
            (modifier.span, "cannot be set"),
            help=f"set one of its quantities, such as `{modifier.name}.{known[0]}`" if known else None,
        )
        return None
    kind, attribute = member.variable.kind, modifier.attribute
    sizes = attribute in SIZES and kind != "const"
    if attribute != "value" and member.level != Level.UNKNOWN and not sizes:
        report.say(
            "E0242",
            f"`{modifier.name}` is {an(kind)}, it has no {attribute} value",
            (modifier.span, "cannot be set"),
            (member.span, "declared here"),
            help=f"write `{modifier.name} = ...`",
        )
        return None
    if attribute == "value" and kind in ("potential", "flow"):
        report.say(
            "E0242",
            f"`{modifier.name}` belongs to a connector, it has no value of its own",
            (modifier.span, "cannot be set"),
            help="write an equation, or `start`, or `guess`",
        )
        return None
    if kind == "input" and attribute == "value" and is_reader(modifier.value):
        series = walker.tables.series(modifier.name, member.variable.unit, modifier.value)
        return None if series is None else replace(modifier, value=series)
    highest = _HIGHEST.get(kind, Level.UNKNOWN) if attribute == "value" else Level.PARAMETER
    highest = Level.CONSTANT if attribute in SIZES else highest
    unit = member.unit
    if unit is not None and attribute == "nominal":
        unit = unit.difference
    what = f"the {attribute} of `{modifier.name}`"
    labels = member.labels if attribute == "value" else None
    value = walker.given(modifier.value, unit, highest, what, labels)
    wanted = outer + rank
    if value.rank > wanted:
        has = f"has {count_of(wanted, 'index', 'indices')}" if wanted else "is a single number"
        report.say("E0226", f"`{modifier.name}` {has}", (modifier.value.span, f"this has {value.rank}"))
    return replace(modifier, value=value.expr, parts=parts)


def _indexed(
    modifier: tree.Modifier, target: Entity, walker: Walker
) -> tuple[tuple[tree.Part, ...], int] | None:
    """The parts of a modifier's name with their indices in SI, and the number of indices that are left open."""
    entity: Entity | None = target
    done, rank, so_far = [], 0, ""
    for part in modifier.parts:
        assert entity is not None
        member = entity.members[part.name]
        assert not isinstance(member, TableMember)
        so_far = f"{so_far}.{part.name}" if so_far else part.name
        opened = member.rank
        if part.indices:
            name = tree.Name((part,), modifier.span)
            found = walker.resolver.indices(name, part, member.rank, f"`{so_far}`")
            if found is None:
                return None
            part, opened = tree.Part(part.name, found[0]), found[1]
        rank += opened
        done.append(part)
        entity = member.entity if isinstance(member, Instance) else None
    return tuple(done), rank


def _replaced(modifier: tree.Modifier, table: tree.TableDeclaration, walker: Walker) -> tree.Modifier | None:
    """A modifier that puts another table, or figures of its own, in the place of a table of a part."""
    report, value = walker.report, modifier.value
    if modifier.attribute != "value":
        report.say(
            "E0242",
            f"`{modifier.name}` is a table, it has no {modifier.attribute}",
            (modifier.span, "cannot be set"),
        )
        return None
    if not isinstance(value, tree.Name):
        found = walker.tables.read(replace(table, value=value), value, value.span)
        return None if found is None else replace(modifier, value=Tabulated(found, value.span))
    name = ".".join(part.name for part in value.parts)
    other = walker.table_of(name)
    located = walker.names.scope.find(name)
    if located is not None and isinstance(located.declaration, tree.FunctionDeclaration):
        return None  # told where classes are replaced
    if other is not None and walker.is_function_of_part(name):
        title = f"`{modifier.name}` cannot be `{name}`, a table in whose place a function stands"
        help = (
            f"call it where both are seen: `{modifier.name.rpartition('.')[2]}` as a `var`, and an equation"
        )
        report.say("E0294", title, (value.span, "is a function here"), help=help)
        return None
    if other is None:
        report.say(
            "E0294",
            f"`{modifier.name}` is a table, and `{name}` is none",
            (value.span, "a table is expected here"),
            (table.name_span, "declared here"),
            help='name a table or a function, or write `csv("f.csv", x = "…", y = "…")`',
        )
        return None
    given, member = other
    here, there = walker.tables.signature(table), walker.tables.signature(given)
    if len(here) != len(there) or not all(map(agree, here, there)):
        report.say(
            "E0294",
            f"`{name}` cannot stand for `{modifier.name}`: its arguments or values are others",
            (value.span, f"is {_signature(given)}"),
            (table.name_span, f"is {_signature(table)}"),
            help="a table gives way to one with the same number of arguments, in units of the same dimensions",
        )
        return None
    if member:
        return modifier
    data = walker.tables.of(given)
    return None if data is None else replace(modifier, value=Tabulated(data, value.span))


def _signature(table: tree.TableDeclaration) -> str:
    words = [name + (f" [{unit}]" if unit else "") for name, unit in table.arguments]
    unit = f" [{table.unit}]" if table.unit else ""
    return f"`{table.name}({', '.join(words)}){unit}`" if words else f"`{table.name}`{unit}"


def _find(modifier: tree.Modifier, target: Entity, walker: Walker) -> tuple[Member, int] | None:
    entity, rank = target, 0
    segments = modifier.name.split(".")
    for k, segment in enumerate(segments):
        member = entity.members.get(segment)
        if member is None:
            if entity.complete:
                walker.report.suggest(
                    "E0240",
                    f"`{entity.name}` has no `{segment}`",
                    modifier.span,
                    "cannot be set",
                    segment,
                    list(entity.members),
                    _settable(entity),
                )
            return None
        rank += member.rank
        if k == len(segments) - 1:
            return member, rank
        if not isinstance(member, Instance):
            text = ".".join(segments[: k + 1])
            what = {Quantity: "quantity", TableMember: "table"}.get(type(member), "network")
            walker.report.say(
                "E0240", f"`{text}` is a {what} and has no parts", (modifier.span, "cannot be set")
            )
            return None
        if member.entity is None:
            return None
        entity = member.entity
    raise AssertionError("a modifier has a name")


def _settable(entity: Entity) -> str:
    names = [
        n
        for n, m in entity.members.items()
        if isinstance(m, Quantity) and m.variable.kind in ("param", "const")
    ]
    if not names:
        return f"`{entity.name}` has no parameters"
    return "it has " + ", ".join(f"`{n}`" for n in names[:8])


def merged(old: tuple[tree.Modifier, ...], new: tuple[tree.Modifier, ...]) -> tuple[tree.Modifier, ...]:
    """Both, where the new overrule the old."""
    result = {m.key: m for m in old}
    overrule(result, {m.key: m for m in new})
    return tuple(result.values())


def overrule(old: dict[tuple, Any], new: dict[tuple, Any]) -> None:
    """Put what modifiers further out say in the place of what those further in say, by name and attribute.

    A `guess` takes the place of a `start` as well, and the other way round: either says where something begins. What is
    said of all elements takes the place of what is said of some.
    """
    for name, attribute, *parts in new:
        replaced = BEGINNINGS if attribute in BEGINNINGS else (attribute,)
        if not parts:
            for key in [k for k in old if len(k) > 2 and k[0] == name and k[1] in replaced]:
                del old[key]
            for other in replaced:
                old.pop((name, other), None)
    old.update(new)


def an(kind: str) -> str:
    """`a param`, `an input`."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
