"""Pruning to requested outputs: states, unknowns and assignments that no output depends on are removed.

before   der(A) = -A   der(B) = A - B   n := B^2   m := A*B      for the output A:   der(A) = -A

An output depends on what its equation mentions; a state on its derivative; an implicit unknown on the residual row that
is matched to it (whatever the matching, the unknowns that are reached are the same). Nothing else about the solution
changes, but errors are controlled on what is left only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, maximum_bipartite_matching

from stiffdsl.flat.conditions.events import families_of
from stiffdsl.flat.model import Family, slot
from stiffdsl.flat.template import symbols_of
from stiffdsl.graph.explicit import compact, expose
from stiffdsl.graph.system import Assignment, SortedSystem


def prune(system: SortedSystem, pattern: tuple[np.ndarray, np.ndarray], wanted: np.ndarray) -> SortedSystem:
    """`system` for the variables `wanted` only; `pattern`: rows and columns of the nonzeros of df/dy.

    The same object where all is needed. A model with invariants keeps all of y: they may tie any of it. What events
    wait for and set stays: whether they fire decides about everything.
    """
    rows = _matched_rows(system, pattern)
    needed = _needed(system, rows, wanted)
    size = system.flat.size
    entries = _nodes_of_y(system)
    kept = needed[entries]
    assignments = tuple(
        part
        for a in system.assignments
        if (part := _assignment(a, needed[a.targets + size * (a.kind == "der")])) is not None
    )
    if np.all(kept) and sum(len(a.targets) for a in assignments) == sum(
        len(a.targets) for a in system.assignments
    ):
        return system
    states = len(system.states)
    moved = np.cumsum(kept) - 1
    free = system.initial.free[kept[system.initial.free]]
    decided = np.any(free < states)
    checks = [
        (_held(f, needed, size), order)
        for f, order in zip(system.initial.checks, system.initial.check_orders, strict=True)
    ]
    chosen = np.zeros(len(system.implicit), dtype=bool)
    chosen[rows[kept[states:]]] = True
    return replace(
        system,
        states=system.states[kept[:states]],
        implicit=system.implicit[kept[states:]],
        implicit_is_der=system.implicit_is_der[kept[states:]],
        assignments=assignments,
        residuals=_members(system.residuals, chosen),
        initial=replace(
            system.initial,
            free=moved[free],
            conditions=system.initial.conditions if decided else (),
            checks=tuple(f for f, _ in checks if f is not None),
            check_orders=tuple(order for f, order in checks if f is not None),
        ),
    )


def kept_entries(system: SortedSystem, pruned: SortedSystem) -> np.ndarray:
    """The places in y of what is left of it."""
    before, after = _nodes_of_y(system), _nodes_of_y(pruned)
    order = np.argsort(before)
    return order[np.searchsorted(before[order], after)]


def _nodes_of_y(system: SortedSystem) -> np.ndarray:
    """Variables are nodes by number, derivatives follow."""
    return np.concatenate([system.states, system.implicit + system.flat.size * system.implicit_is_der])


def _needed(system: SortedSystem, rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """By node: whether some variable of `wanted` depends on it."""
    flat, size = system.flat, system.flat.size
    extra = 2 * size
    tails, heads = [np.full(len(wanted), extra)], [flat.alias[wanted]]

    def add(tail: np.ndarray, head: np.ndarray) -> None:
        tails.append(tail)
        heads.append(head)

    entries = _nodes_of_y(system)
    if system.invariants:
        add(np.full(len(entries), extra), entries)
    for event in flat.events:
        for value in families_of((event,)):
            for _, node in _mentions((value,), size):
                add(np.full(len(node), extra), flat.alias[node % size] + size * (node >= size))
        for action in event.actions:
            add(np.full(len(action.targets), extra), flat.alias[action.targets])
    add(system.states, system.states + size)
    for a in system.assignments:
        targets = a.targets + size * (a.kind == "der")
        for owner, node in _mentions((a.value,), size):
            add(targets[owner], node)
    unknown_of_row = np.empty(len(rows), dtype=np.int64)
    unknown_of_row[rows] = entries[len(system.states) :]
    for row, node in _mentions(system.residuals, size):
        add(unknown_of_row[row], node)
    of_states = system.initial.free[system.initial.free < len(system.states)]
    if len(of_states):
        # Whichever is needed, the initial problem is solved as one.
        together = extra + 1
        add(system.states[of_states], np.full(len(of_states), together))
        add(np.full(len(of_states), together), system.states[of_states])
        for _, node in _mentions(system.initial.conditions, size):
            add(np.full(len(node), together), node)
    tail, head = np.concatenate(tails), np.concatenate(heads)
    graph = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(extra + 2,) * 2).tocsr()
    needed = np.zeros(extra + 2, dtype=bool)
    needed[breadth_first_order(graph, extra, return_predecessors=False)] = True
    return needed[:extra]


def _matched_rows(system: SortedSystem, pattern: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The residual row of each implicit unknown, counted from 0."""
    count, states = len(system.implicit), len(system.states)
    if not count:
        return np.zeros(0, dtype=np.int64)
    inside = (pattern[0] >= states) & (pattern[1] >= states)
    row, column = pattern[0][inside] - states, pattern[1][inside] - states
    graph = coo_array((np.ones(len(row), dtype=np.int8), (column, row)), shape=(count, count)).tocsr()
    rows = maximum_bipartite_matching(graph, perm_type="column").astype(np.int64)
    assert np.all(rows >= 0), "residual rows determine the implicit unknowns"
    return rows


def _mentions(families: Sequence[Family], size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Member (counted through `families`) and node of everything that they mention."""
    first = 0
    for family in families:
        parts = [(family.template, family.kinds, family.table, np.arange(family.size))]
        parts += [(s.term, s.kinds, s.table, s.owner) for s in family.sums]
        for template, kinds, table, owner in parts:
            for k, kind in enumerate(kinds):
                if kind in ("var", "der") and slot(k) in symbols_of(template):
                    yield first + owner, table[:, k] + size * (kind == "der")
        first += family.size


def _assignment(a: Assignment, needed: np.ndarray) -> Assignment | None:
    if np.all(needed):
        return a
    members = np.flatnonzero(needed)
    if not len(members):
        return None
    return Assignment(a.kind, a.targets[members], compact(expose(a.value, members).family))


def _held(family: Family, needed: np.ndarray, size: int) -> Family | None:
    """The members that mention only what is needed."""
    whole = np.ones(family.size, dtype=bool)
    for owner, node in _mentions((family,), size):
        whole[owner[~needed[node]]] = False
    return _part(family, whole)


def _members(families: Sequence[Family], chosen: np.ndarray) -> tuple[Family, ...]:
    result, first = [], 0
    for family in families:
        part = _part(family, chosen[first : first + family.size])
        first += family.size
        if part is not None:
            result.append(part)
    return tuple(result)


def _part(family: Family, chosen: np.ndarray) -> Family | None:
    if np.all(chosen):
        return family
    members = np.flatnonzero(chosen)
    return compact(expose(family, members).family) if len(members) else None
