"""The solution plan of every unknown: by an assignment, in closed form with its loop, or implicitly."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import sympy as sp

from stiffdsl.flat.model import FlatModel, Sum, slot, total
from stiffdsl.flat.template import substitute, symbols_of
from stiffdsl.graph.blocks import cyclic, levels, strong_components
from stiffdsl.graph.explicit import IMPLICIT, LINEAR, PARAMETER, expose, solve_for
from stiffdsl.graph.growth import LOOKED_AT, MOST, growth, is_chain
from stiffdsl.graph.incidence import Incidence
from stiffdsl.graph.start_values import StartValues
from stiffdsl.graph.tear import SMALL, Torn, loop_symbol, paired_for_tearing, tear_small
from stiffdsl.graph.tear_large import tear_large

EXPLICIT, SOLVED, KEPT = 0, 1, 2

# The numbers of each kind that a model begins with (`StartValues.of`), found where they are asked for.
Numbers = Callable[[], dict[str, np.ndarray]]

# The rule for chains. A family whose members need one another in a row (a running sum) would give one
# assignment per member. Where the assignments would be more than `MANY`, every site that is spread over more
# than `LONG` levels is broken by keeping one of the sites of its cycle implicit: then their number does not
# depend on N.
MANY = 64
LONG = 16


@dataclass(frozen=True, eq=False)
class Loop:
    """Equal small loops, one a row: `rows[i, p]` is matched to `columns[i, p]`.

    `kinds`, `table`, `sums` are the slots of all equations of the loop side by side, as its solutions use
    them.
    """

    rows: np.ndarray
    columns: np.ndarray
    torn: Torn
    kinds: tuple[str, ...]
    table: np.ndarray
    sums: tuple[Sum, ...]


@dataclass(frozen=True, eq=False)
class Singular:
    """Equal loops whose equations, `templates` in their own unknowns (`loop_symbol`), are not independent."""

    loop: Loop
    templates: tuple[sp.Expr, ...]


@dataclass(eq=False)
class SolutionPlan:
    """`status[u]`, and for an explicit unknown the entry it is solved at; `row_of[u]` is its matched
    equation.

    `group[u]`: unknowns of one group are computed alike: the site, or number of sites + number of the loop.
    `component[u]` is the strongly connected component that u was found in. `chained` counts unknowns that are
    implicit because of the rule for chains. `grown`: unknowns of small loops that are not torn by search (`growth.py`).
    """

    status: np.ndarray
    entry: np.ndarray
    row_of: np.ndarray
    component: np.ndarray
    group: np.ndarray
    loops: list[Loop] = field(default_factory=list)
    level: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    chained: int = 0
    grown: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    singular: list[Singular] = field(default_factory=list)


def make_plan(flat: FlatModel, inc: Incidence, column_of_row: np.ndarray) -> SolutionPlan:
    """The plan for a perfect matching. `singular`: loops that can never be solved."""
    size = inc.unknowns.size
    row_of = np.empty(size, dtype=np.int64)
    row_of[column_of_row] = np.arange(size)
    partner = column_of_row[inc.row]
    own = np.flatnonzero(inc.column == partner)
    entry = np.empty(size, dtype=np.int64)
    entry[inc.column[own]] = own
    off = inc.column != partner
    _, component = strong_components(size, inc.column[off], partner[off])
    plan = SolutionPlan(np.full(size, KEPT, dtype=np.int8), entry, row_of, component, inc.site[entry])
    extent = np.bincount(component, minlength=1)[component]
    alone = np.flatnonzero(extent == 1)
    plan.status[alone[_can_be_given(flat, inc, entry[alone])]] = EXPLICIT
    inside = component[inc.column] == component[partner]
    _small_loops(
        flat, inc, plan, partner, np.flatnonzero(inside & (extent[partner] > 1) & (extent[partner] <= SMALL))
    )
    # Small loops that rounding would grow in are taken as large ones are.
    grown = np.zeros(size, dtype=bool)
    grown[plan.grown] = True
    large = np.flatnonzero(inside & ((extent[partner] > SMALL) | grown[partner]))
    if len(large):
        chosen = tear_large(inc, large)
        plan.status[inc.column[chosen]] = EXPLICIT
        plan.entry[inc.column[chosen]] = chosen
        plan.group[inc.column[chosen]] = inc.site[chosen]
    _cut_chains(inc, plan)
    return plan


def _can_be_given(flat: FlatModel, inc: Incidence, entries: np.ndarray) -> np.ndarray:
    """Whether an equation outside of loops gives its unknown: any pivot will do, for no other is left."""
    invertible = np.zeros(len(inc.sites), dtype=bool)
    for number in np.unique(inc.site[entries[inc.quality[entries] == IMPLICIT]]):
        place = inc.sites[number]
        template = flat.equations[place.family].template
        invertible[number] = place.sum < 0 and solve_for(template, slot(place.slot)) is not None
    return (inc.quality[entries] <= LINEAR) | (invertible[inc.site[entries]] & ~inc.repeated[entries])


def _small_loops(
    flat: FlatModel, inc: Incidence, plan: SolutionPlan, partner: np.ndarray, inside: np.ndarray
) -> None:
    """Tears all small loops; loops whose equations, sites and connections agree are treated as one."""
    if not len(inside):
        return
    members = np.unique(partner[inside])
    members = members[np.lexsort((plan.row_of[members], plan.component[members]))]
    first = np.flatnonzero(np.r_[True, np.diff(plan.component[members]) != 0])
    extent = np.diff(np.r_[first, len(members)])
    position = np.empty(inc.unknowns.size, dtype=np.int64)
    position[members] = np.arange(len(members)) - np.repeat(first, extent)
    instance = np.empty(inc.unknowns.size, dtype=np.int64)
    instance[members] = np.repeat(np.arange(len(first)), extent)

    sum_of = np.array([s.sum for s in inc.sites])[inc.site[inside]]
    slot_of = np.array([s.slot for s in inc.sites])[inc.site[inside]]
    keys = (slot_of, inc.term[inside], sum_of, position[partner[inside]], instance[partner[inside]])
    order = np.lexsort(keys)
    entries, sum_of = inside[order], sum_of[order]
    owner = partner[entries]
    same_term = np.zeros(len(entries), dtype=np.int64)
    same_term[1:] = (
        (sum_of[1:] >= 0)
        & (sum_of[1:] == sum_of[:-1])
        & (inc.term[entries][1:] == inc.term[entries][:-1])
        & (owner[1:] == owner[:-1])
    )
    code = np.column_stack(
        [position[owner], position[inc.column[entries]], inc.site[entries], inc.quality[entries], same_term]
    )
    bounds = np.searchsorted(instance[owner], np.arange(len(first) + 1)).tolist()
    known = cache(lambda: StartValues(flat).of)
    alike: dict[bytes, list[int]] = {}
    for i in range(len(first)):
        alike.setdefault(code[bounds[i] : bounds[i + 1]].tobytes(), []).append(i)
    for instances in alike.values():
        width = bounds[instances[0] + 1] - bounds[instances[0]]
        at = np.array([bounds[i] for i in instances])[:, None] + np.arange(width)
        columns = members[first[instances][:, None] + np.arange(extent[instances[0]])]
        _tear_alike(flat, known, inc, plan, columns, entries[at], code[at[0]])


def _tear_alike(
    flat: FlatModel,
    known: Numbers,
    inc: Incidence,
    plan: SolutionPlan,
    columns: np.ndarray,
    entries: np.ndarray,
    code: np.ndarray,
) -> None:
    """Tears equal loops: `columns[i]` are the unknowns of loop i, `entries[i]` its inner entries."""
    found = [array[columns] for array in (plan.row_of, plan.entry, plan.group)]
    code = _paired(inc, plan, columns, entries, code)
    rows = plan.row_of[columns]
    templates: list[sp.Expr] = []
    safe = [False] * columns.shape[1]
    kinds: tuple[str, ...] = ()
    tables: list[np.ndarray] = []
    sums: list[Sum] = []
    for p in range(columns.shape[1]):
        family_number, _ = inc.locate(int(rows[0, p]))
        terms: list[tuple[int, np.ndarray]] = []
        places: list[tuple[int, int, int]] = []
        for j in np.flatnonzero(code[:, 0] == p):
            site = inc.sites[code[j, 2]]
            if site.sum >= 0 and not code[j, 4]:
                terms.append((site.sum, inc.term[entries[:, j]]))
            places.append((len(terms) - 1 if site.sum >= 0 else -1, site.slot, int(code[j, 1])))
            if code[j, 1] == p:
                safe[p] = bool(code[j, 3] <= PARAMETER)
        exposed = expose(flat.equations[family_number], rows[:, p] - inc.offsets[family_number], terms)
        family = exposed.family
        renamed: dict[sp.Expr, sp.Expr] = {slot(k): slot(len(kinds) + k) for k in range(len(family.kinds))}
        renamed |= {total(k): total(len(sums) + k) for k in range(len(family.sums))}
        for term, k, q in places:
            renamed[slot(k + (exposed.first[term] if term >= 0 else 0))] = loop_symbol(q)
        templates.append(substitute(family.template, renamed))
        kinds += family.kinds
        tables.append(family.table)
        sums += family.sums
    torn = tear_small(tuple(templates), tuple(safe), tuple(inc.unknowns.last[columns[0]].tolist()))
    loop = Loop(rows, columns, torn, kinds, np.concatenate(tables, axis=1), tuple(sums))
    if not torn.singular and _grows(known, inc, loop, templates):
        plan.row_of[columns], plan.entry[columns], plan.group[columns] = found
        plan.grown = np.append(plan.grown, columns)
        return
    if torn.singular:
        plan.singular.append(Singular(loop, tuple(templates)))
    plan.status[columns] = EXPLICIT
    tears = columns[:, torn.tears]
    plan.status[tears] = KEPT if torn.solutions is None else SOLVED
    if torn.solutions is not None:
        plan.group[tears] = len(inc.sites) + len(plan.loops)
        plan.loops.append(loop)


def _grows(known: Numbers, inc: Incidence, loop: Loop, templates: list[sp.Expr]) -> bool:
    """Whether rounding grows in a torn loop, at declared values."""
    torn, x = loop.torn, [loop_symbol(q) for q in range(len(templates))]
    if not is_chain([symbols_of(t) & set(x) for t in templates], torn.tears):
        return False
    numbers = known()
    shown = np.unique(np.linspace(0, len(loop.rows) - 1, LOOKED_AT).astype(int))
    values = [
        numbers[kind][loop.table[shown, k]] if kind in numbers else np.full(len(shown), np.nan)
        for k, kind in enumerate(loop.kinds)
    ]
    around = numbers["var"][inc.unknowns.variable[loop.columns[shown]]]
    return growth(templates, x, torn.order, torn.tears, values, len(loop.sums), around) > MOST


def _paired(
    inc: Incidence, plan: SolutionPlan, columns: np.ndarray, entries: np.ndarray, code: np.ndarray
) -> np.ndarray:
    """Pairs equations and unknowns anew where that leaves fewer tears; `code` with owners counted anew."""
    size = columns.shape[1]
    uses: list[set[int]] = [set() for _ in range(size)]
    safe: list[set[int]] = [set() for _ in range(size)]
    for p, q, _, rank, _ in code.tolist():
        uses[p].add(q)
        if rank <= PARAMETER:
            safe[p].add(q)
    pairs = paired_for_tearing(uses, safe, inc.unknowns.last[columns[0]].tolist())
    if pairs is None:
        return code
    plan.row_of[columns] = plan.row_of[columns][:, pairs]
    code = code.copy()
    code[:, 0] = np.argsort(pairs)[code[:, 0]]
    for j in np.flatnonzero(code[:, 0] == code[:, 1]):
        plan.entry[columns[:, code[j, 0]]] = entries[:, j]
        plan.group[columns[:, code[j, 0]]] = code[j, 2]
    return code


def dependencies(inc: Incidence, plan: SolutionPlan) -> tuple[np.ndarray, np.ndarray]:
    """Edges `tail → head`: the value of unknown `head` is computed from that of `tail`."""
    given = np.flatnonzero(plan.status == EXPLICIT)
    owner = np.full(inc.equations, -1, dtype=np.int64)
    owner[inc.row[plan.entry[given]]] = given
    tails, heads = [inc.column], [owner[inc.row]]
    for number, loop in enumerate(plan.loops):
        if np.any(plan.status[loop.columns[:, loop.torn.tears]] != SOLVED):
            continue
        instance = np.full(inc.equations, -1, dtype=np.int64)
        instance[loop.rows] = np.arange(len(loop.rows))[:, None]
        outer = np.flatnonzero(instance[inc.row] >= 0)
        home = plan.component[loop.columns[:, 0]][instance[inc.row[outer]]]
        outer = outer[plan.component[inc.column[outer]] != home]
        for p in loop.torn.tears:
            tails.append(inc.column[outer])
            heads.append(loop.columns[instance[inc.row[outer]], p])
        assert plan.group[loop.columns[0, loop.torn.tears[0]]] == len(inc.sites) + number
    tail, head = np.concatenate(tails), np.concatenate(heads)
    kept = (head >= 0) & (tail != head)
    tail, head = tail[kept], head[kept]
    known = plan.status[tail] == KEPT
    return tail[~known], head[~known]


def _cut_chains(inc: Incidence, plan: SolutionPlan) -> None:
    """Levels of all assignments, after the rule for chains (see `MANY`) has been applied."""
    size, groups = inc.unknowns.size, len(inc.sites) + len(plan.loops)
    while True:
        tail, head = dependencies(inc, plan)
        level = levels(size, tail, head, most=4 * MANY)
        computed = np.flatnonzero(plan.status != KEPT)
        deep = np.any(level[computed] < 0)
        pairs = np.unique(plan.group[computed] * (4 * MANY + 3) + level[computed] + 1)
        spread = np.bincount(pairs // (4 * MANY + 3), minlength=groups)
        unreached = np.unique(plan.group[computed[level[computed] < 0]])
        spread[unreached] = size
        chosen = np.zeros(0, dtype=np.int64)
        if len(pairs) > MANY or deep:
            chosen = _breaks(plan.group[tail], plan.group[head], spread)
        if not len(chosen):
            level = levels(size, tail, head) if deep else level
            assert np.all(level[computed] >= 0), "assignments depend on one another in a cycle"
            plan.level = _together(inc, plan, level, tail, head)
            return
        cut = computed[np.isin(plan.group[computed], chosen)]
        plan.status[cut] = KEPT
        plan.chained += len(cut)


def _together(
    inc: Incidence, plan: SolutionPlan, level: np.ndarray, tail: np.ndarray, head: np.ndarray
) -> np.ndarray:
    """Levels by which hidden variables of one site, as the results of a function, are computed all at once, if none
    follows from another: late ones hold up those that could come before."""
    size, groups = len(level), len(inc.sites) + len(plan.loops)
    own = np.flatnonzero((plan.status == EXPLICIT) & (inc.unknowns.last == 1))
    group = plan.group[own]
    lowest, highest = np.full(groups, size), np.full(groups, -1)
    np.minimum.at(lowest, group, level[own])
    np.maximum.at(highest, group, level[own])
    spread = highest > lowest
    if not np.any(spread):
        return level
    among = np.unique(plan.group[tail] * groups + plan.group[head])
    spread &= ~cyclic(groups, among // groups, among % groups)
    node = np.arange(size)
    moved = own[spread[group]]
    node[moved] = size + plan.group[moved]
    return levels(size + groups, node[tail], node[head])[node]


def _breaks(tail: np.ndarray, head: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Groups that, made implicit, leave no cycle among the groups that are spread over many levels."""
    groups = len(spread)
    key = np.unique(tail * groups + head)
    tail, head = key // groups, key % groups
    long = (spread[tail] > LONG) & (spread[head] > LONG)
    tail, head = tail[long], head[long]
    chosen = np.unique(tail[tail == head])
    while True:
        left = ~np.isin(tail, chosen) & ~np.isin(head, chosen)
        tail, head = tail[left], head[left]
        on_cycle = cyclic(groups, tail, head) if len(tail) else np.zeros(groups, dtype=bool)
        if not np.any(on_cycle):
            return chosen
        _, label = strong_components(groups, tail, head)
        inner = label[tail] == label[head]
        into = np.bincount(head[inner], minlength=groups)
        out = np.bincount(tail[inner], minlength=groups)
        chosen = np.append(chosen, np.argmax(np.where(on_cycle, into * out, -1)))
