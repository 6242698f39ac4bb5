"""Replaced classes: `Plant(pump : GearPump(n = 3))` is a plant whose pump is of another class.

The class that takes the place offers all that the declared one offers: ports, parameters, constants, inputs and
outputs of the same names and dimensions, and the variables and parts that are mentioned from outside. The class
around it is elaborated anew with it, so that its own equations are checked against what stands there now.
"""

from collections.abc import Callable
from dataclasses import replace

from stiffdsl.check.quantities import dimensions
from stiffdsl.check.quantities.units import UnitError, parse_unit
from stiffdsl.check.report import Report
from stiffdsl.check.symbols import (
    Entity,
    FunctionMember,
    Instance,
    Member,
    NetworkMember,
    Quantity,
    TableMember,
)
from stiffdsl.check.tables import TableElaboration
from stiffdsl.syntax import tree

# So many missing members are named.
NAMED = 6


def member_at(entity: Entity, path: list[str], declared: Callable[[Entity], Entity]) -> Member | None:
    """The member that a path of names leads to."""
    member: Member | None = None
    for k, name in enumerate(path):
        member = entity.members.get(name)
        if k == len(path) - 1:
            return member
        if not isinstance(member, Instance) or member.entity is None:
            return None
        entity = declared(member.entity)
    return member


def with_class(entity: Entity, path: list[str], new: Entity | FunctionMember) -> Entity:
    """`entity` with the class of the part at `path`, or the table there, of its own or inherited, replaced."""
    name, *rest = path
    member = entity.members[name]
    if isinstance(new, FunctionMember) and not rest:
        changed: Member = new
    else:
        assert isinstance(member, Instance)
        inner = new if not rest else with_class(member.entity, rest, new)  # type: ignore[arg-type]
        changed = replace(member, entity=inner)  # type: ignore[arg-type]
    own = {**entity.own, name: changed} if name in entity.own else entity.own
    made: dict[int, Entity] = {}
    bases = [(e, _inherited(base, name, changed, made)) for e, base in entity.bases]
    return replace(entity, members={**entity.members, name: changed}, own=own, bases=bases)


def _inherited(base: Entity, name: str, changed: Member, made: dict[int, Entity]) -> Entity:
    """A base that holds the changed member; one that is reached along two ways stays one."""
    if name not in base.members:
        return base
    if id(base) not in made:
        own = {**base.own, name: changed} if name in base.own else base.own
        bases = [(e, _inherited(inner, name, changed, made)) for e, inner in base.bases]
        made[id(base)] = replace(base, members={**base.members, name: changed}, own=own, bases=bases)
    return made[id(base)]


def can_stand_for(
    function: tree.FunctionDeclaration,
    table: tree.TableDeclaration,
    modifier: tree.Modifier,
    tables: TableElaboration,
    report: Report,
) -> bool:
    """Whether a function takes as many arguments as a table, in SI; told where it does not."""
    arity = tables.arity(table)
    needed = sum(f.default is None for f in function.formals)
    units = [text for text in (*(u for _, u in table.arguments), table.unit) if text is not None]
    if not needed <= arity <= len(function.formals):
        title = f"`{function.name}` cannot stand for the table `{table.name}`: it takes other arguments"
        help = f"`{table.name}` is called with {arity} {'argument' if arity == 1 else 'arguments'}"
    elif others := [text for text in units if not _is_si(text)]:
        title = f"`{function.name}` cannot stand for the table `{table.name}`, which counts in [{others[0]}]"
        help = "functions count in SI: declare the table in SI units"
    else:
        return True
    report.say(
        "E0294", title, (modifier.value.span, "a function"), (table.name_span, "declared here"), help=help
    )
    return False


def _is_si(text: str) -> bool:
    try:
        return parse_unit(text).is_si
    except UnitError:
        return True  # told where it is declared


def missing_in(new: Entity, old: Entity, modifier: tree.Modifier, report: Report) -> bool:
    """Whether `new` lacks something that `old` offers; it is reported."""
    if not new.complete or not old.complete:
        return False
    missing = [
        text for name, member in old.members.items() if (text := _lacks(new, name, member)) is not None
    ]
    if not missing:
        return False
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    report.say(
        "E0281",
        f"a `{new.name}` cannot take the place of a `{old.name}`",
        (modifier.value.span, f"lacks {', '.join(missing[:NAMED])}{more}"),
        (old.declaration.name_span, "the class that is declared"),
        help="declare what is missing, or let both extend one `partial model`",
    )
    return True


def _lacks(new: Entity, name: str, member: Member) -> str | None:
    """The member of `new` in the place of `member`, in words, where that does not do."""
    found = new.members.get(name)
    if isinstance(member, TableMember):
        return None if isinstance(found, TableMember) else f"table `{name}`"
    if isinstance(member, NetworkMember):
        return None if _alike(found, member) else f"network `{name}`"
    kind = member.component.kind if isinstance(member, Instance) else member.variable.kind
    if found is None:
        # What only the class itself and those that mention it know of is missed where it is mentioned.
        return None if kind in ("var", "part", "discrete") else f"{kind} `{name}`"
    if isinstance(member, Instance):
        if not isinstance(found, Instance):
            return f"{kind} `{name}`"
        one, other = found.entity, member.entity
        same = kind != "port" or one is None or other is None or one.declaration is other.declaration
        return None if same and found.rank == member.rank else f"{kind} `{name} : {member.component.type}`"
    if not isinstance(found, Quantity) or found.rank != member.rank or found.labels is not member.labels:
        return f"{kind} `{name}`"
    here, there = (q.unit.dimension if q.unit is not None else None for q in (member, found))
    if not dimensions.agree(here, there):
        return f"{kind} `{name} [{member.variable.unit}]`"
    return f"{kind} `{name}`" if found.level > member.level else None


def _alike(found: Member | None, member: NetworkMember) -> bool:
    """Whether a member is a network with as many arguments, of the same ranks."""
    if not isinstance(found, NetworkMember):
        return False
    one, other = (
        [len(v.dimensions) for v in (*m.network.arguments, m.network.result)] for m in (found, member)
    )
    return one == other
