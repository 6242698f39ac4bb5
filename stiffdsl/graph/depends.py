"""Dependencies of an equation: the entries of y that its value is computed from, through the assignments."""

from stiffdsl.flat.model import Family
from stiffdsl.graph.system import SortedSystem

# A message names three: more than this many scalars on the way are not worth reading.
MOST = 10_000


def entries_of(system: SortedSystem, family: Family, member: int) -> list[int]:
    """The entries of y, ascending, that member `member` of `family` depends on."""
    place = {(False, int(v)): k for k, v in enumerate(system.states)}
    rates = system.implicit_is_der.tolist()
    for j, (v, rate) in enumerate(zip(system.implicit.tolist(), rates, strict=True)):
        place[bool(rate), v] = len(system.states) + j
    given = {}
    for assignment in system.assignments:
        rate = assignment.kind == "der"
        given |= {(rate, v): (assignment.value, m) for m, v in enumerate(assignment.targets.tolist())}
    front = _mentioned(family, member)
    seen, found = set(front), set()
    for quantity in front:
        if quantity in place:
            found.add(place[quantity])
        elif quantity in given and len(front) < MOST:
            more = [q for q in _mentioned(*given[quantity]) if q not in seen]
            seen.update(more)
            front += more
    return sorted(found)


def _mentioned(family: Family, member: int) -> list[tuple[bool, int]]:
    """`(is a derivative, variable)` for everything that a member mentions."""
    rows = [(family.kinds, family.table[member])]
    for part in family.sums:
        rows += [(part.kinds, row) for row in part.table[part.owner == member]]
    kinds = ("var", "der")
    named = [(k, int(v)) for own, row in rows for k, v in zip(own, row, strict=True) if k in kinds]
    return list(dict.fromkeys((k == "der", v) for k, v in named))
