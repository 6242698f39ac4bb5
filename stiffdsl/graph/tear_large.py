"""Large algebraic loops: whole sites are made explicit as long as no cycle arises.

In a resistor network every `v = p.v - n.v` gives its voltage and every `v = R*i` its current, and the
balances of the nodes remain for the potentials.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stiffdsl.graph.blocks import spans
from stiffdsl.graph.explicit import PARAMETER
from stiffdsl.graph.incidence import Incidence


def tear_large(inc: Incidence, inside: np.ndarray) -> np.ndarray:
    """The entries to solve at: whole sites, one after another, while targets differ and no site depends on
    itself.

    `inside`: the entries that join an equation and an unknown of one loop. Loops are treated together, so
    that equal loops in many instances cost as much as one. What is not chosen stays implicit. Sites are taken
    in several orders, and the order that leaves least is kept.
    """
    row, column, site = inc.row[inside], inc.column[inside], inc.site[inside]
    usable = np.flatnonzero(inc.quality[inside] <= PARAMETER)
    by_row = np.argsort(row, kind="stable")
    by_column = np.argsort(column, kind="stable")
    entries = IncidenceEntries(
        row,
        column,
        by_row,
        np.searchsorted(row[by_row], np.arange(inc.equations + 1)),
        by_column,
        np.searchsorted(column[by_column], np.arange(inc.unknowns.size + 1)),
    )
    candidates = usable[np.argsort(site[usable], kind="stable")]
    if not len(candidates):
        return candidates
    start = np.flatnonzero(np.r_[True, np.diff(site[candidates]) != 0])
    groups = np.split(candidates, start[1:])
    extent, uses = np.diff(entries.row_start), np.diff(entries.column_start)

    def features(group: np.ndarray) -> tuple[float, ...]:
        """Width, rank, unknowns in the equation, equations of the unknown, the site, to decide; and whether the unknown
        is declared."""
        return (
            -len(np.unique(column[group])),
            int(inc.quality[inside[group]].max()),
            float(extent[row[group]].mean()),
            float(uses[column[group]].mean()),
            int(site[group[0]]),
            bool(np.all(inc.unknowns.last[column[group]] != 1)),
        )

    ranked = [(features(group), group) for group in groups]
    orders: list[Callable[[tuple[float, ...]], tuple[float, ...]]] = [
        lambda f: (f[0], f[1], f[2], f[4]),
        lambda f: (f[2], -f[3], f[0], f[1], f[4]),
        lambda f: (f[2], f[3], f[0], f[1], f[4]),
    ]
    if not all(f[5] for f, _ in ranked):
        # Hidden variables are computed rather than kept: their starts are not known.
        orders = [*(lambda f, order=order: (f[5], *order(f)) for order in orders), *orders]
    found = [_acyclic(entries, [g for _, g in sorted(ranked, key=lambda r: key(r[0]))]) for key in orders]
    return inside[max(found, key=len)]


@dataclass(frozen=True, eq=False)
class IncidenceEntries:
    """Entries of the incidence with an order by row and one by column, and where each row and column begins."""

    row: np.ndarray
    column: np.ndarray
    by_row: np.ndarray
    row_start: np.ndarray
    by_column: np.ndarray
    column_start: np.ndarray


def _acyclic(at: IncidenceEntries, groups: Sequence[np.ndarray]) -> np.ndarray:
    """The entries of `groups`, taken in this order, that can all be assigned."""
    row, column = at.row, at.column
    group_of_row = np.full(len(at.row_start) - 1, -1, dtype=np.int64)
    group_of_column = np.full(len(at.column_start) - 1, -1, dtype=np.int64)
    owner = np.full(len(at.row_start) - 1, -1, dtype=np.int64)
    used_by: list[set[int]] = []  # used_by[g]: the groups that use a target of g
    chosen: list[np.ndarray] = []
    for group in groups:
        entries = group[(group_of_row[row[group]] < 0) & (group_of_column[column[group]] < 0)]
        entries = entries[np.unique(column[entries], return_index=True)[1]]
        entries = entries[np.unique(row[entries], return_index=True)[1]]
        if not len(entries):
            continue
        number = len(used_by)
        rows, columns = row[entries], column[entries]
        mentioned = at.by_row[spans(at.row_start[rows], at.row_start[rows + 1])]
        owner[rows] = columns
        needed = column[mentioned][column[mentioned] != owner[row[mentioned]]]
        if np.any(np.isin(needed, columns)):
            continue
        sources = {int(g) for g in np.unique(group_of_column[needed]) if g >= 0}
        users = row[at.by_column[spans(at.column_start[columns], at.column_start[columns + 1])]]
        targets = {int(g) for g in np.unique(group_of_row[users]) if g >= 0}
        if _reaches(used_by, targets, sources):
            continue
        used_by.append(targets)
        for g in sources:
            used_by[g].add(number)
        group_of_row[rows] = number
        group_of_column[columns] = number
        chosen.append(entries)
    return np.concatenate([np.zeros(0, dtype=np.int64), *chosen])


def _reaches(followers: list[set[int]], first: set[int], goal: set[int]) -> bool:
    seen, stack = set(first), list(first)
    while stack:
        node = stack.pop()
        if node in goal:
            return True
        for n in followers[node] - seen:
            seen.add(n)
            stack.append(n)
    return False
