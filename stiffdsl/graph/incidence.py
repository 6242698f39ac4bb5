"""Incidence of unknowns in equations, as integer arrays, and the quality of each as a pivot.

Unknowns are `der(x)` for every state x, and every representative variable that is not a state. States
themselves are known here: they are what the solver hands in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from stiffdsl.flat.model import Family, FlatModel, slot, total
from stiffdsl.flat.template import symbols_of
from stiffdsl.graph.explicit import IMPLICIT, coefficient, quality


@dataclass(frozen=True, slots=True)
class Site:
    """A place where unknowns stand: slot `slot` of a family, or of its sum `sum` (-1: of the family)."""

    family: int
    sum: int
    slot: int


@dataclass(frozen=True, eq=False)
class Unknowns:
    """The columns: unknown u is variable `variable[u]`, or its derivative where `is_der[u]`.

    `of_var[v]`, `of_der[v]`: the column of variable v and of its derivative, -1 where that is none. `last[u]` ranks
    what is rather computed than kept by a solver: 0 variables, 1 those that calls of functions are,
    2 derivatives.
    """

    variable: np.ndarray
    is_der: np.ndarray
    of_var: np.ndarray
    of_der: np.ndarray
    last: np.ndarray

    @property
    def size(self) -> int:
        return len(self.variable)


@dataclass(frozen=True, eq=False)
class Incidence:
    """Entry k: equation `row[k]` mentions unknown `column[k]` at `sites[site[k]]`.

    Equation e is member `e - offsets[f]` of family f. `term[k]` is the row of the table that holds the
    entry: the member, or the row of the sum's table. `quality[k]` ranks how well the equation gives the
    unknown; `repeated[k]`: the unknown stands at another place of the equation too.
    """

    unknowns: Unknowns
    offsets: np.ndarray
    sites: tuple[Site, ...]
    row: np.ndarray
    column: np.ndarray
    site: np.ndarray
    term: np.ndarray
    quality: np.ndarray
    repeated: np.ndarray

    @property
    def equations(self) -> int:
        return int(self.offsets[-1])

    def locate(self, equation: int) -> tuple[int, int]:
        """Family and member of an equation."""
        f = int(np.searchsorted(self.offsets, equation, side="right")) - 1
        return f, equation - int(self.offsets[f])


def unknowns_of(flat: FlatModel) -> Unknowns:
    """The unknowns in order: variables by number, a state's derivative in the place of the state."""
    representative = (flat.alias == np.arange(flat.size)) & (flat.sign != 0)
    variable = np.flatnonzero(representative)
    is_der = flat.is_state[variable]
    of_var = np.full(flat.size, -1, dtype=np.int64)
    of_der = np.full(flat.size, -1, dtype=np.int64)
    columns = np.arange(len(variable))
    of_var[variable[~is_der]] = columns[~is_der]
    of_der[variable[is_der]] = columns[is_der]
    of_call = np.zeros(flat.size, dtype=bool)
    for block in flat.variables:
        if block.of_call:
            of_call[block.offset : block.offset + block.size] = True
    last = np.where(is_der, 2, of_call[variable])
    return Unknowns(variable, is_der, of_var, of_der, last)


def incidence(flat: FlatModel, unknowns: Unknowns | None = None) -> Incidence:
    """Every occurrence of an unknown in `flat.equations`, those inside sums included."""
    unknowns = unknowns or unknowns_of(flat)
    offsets = np.concatenate([[0], np.cumsum([f.size for f in flat.equations], dtype=np.int64)])
    sites: list[Site] = []
    rows, columns, site, term, rank = [], [], [], [], []

    def add(place: Site, row: np.ndarray, column: np.ndarray) -> None:
        here = np.flatnonzero(column >= 0)
        if not len(here):
            return
        q = _quality(flat, place)
        rows.append(row[here])
        columns.append(column[here])
        site.append(np.full(len(here), len(sites)))
        term.append(here)
        rank.append(np.full(len(here), q, dtype=np.int8))
        sites.append(place)

    for f, family in enumerate(flat.equations):
        mentioned = symbols_of(family.template)
        for k, kind in enumerate(family.kinds):
            if kind not in ("var", "der") or slot(k) not in mentioned:
                continue
            number = unknowns.of_var if kind == "var" else unknowns.of_der
            add(Site(f, -1, k), offsets[f] + np.arange(family.size), number[family.table[:, k]])
        for j, part in enumerate(family.sums):
            if total(j) not in mentioned:
                continue
            for k, kind in enumerate(part.kinds):
                if kind not in ("var", "der") or slot(k) not in symbols_of(part.term):
                    continue
                number = unknowns.of_var if kind == "var" else unknowns.of_der
                add(Site(f, j, k), offsets[f] + part.owner, number[part.table[:, k]])

    def joined(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    row, column, ranks = joined(rows), joined(columns), joined(rank)
    _trust_constants(flat, sites, joined(site), joined(term), ranks)
    # An unknown that stands twice in one equation cannot be solved for at either place alone.
    key = row * max(1, unknowns.size) + column
    _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    repeated = count[inverse.ravel()] > 1
    ranks[repeated] = IMPLICIT
    return Incidence(
        unknowns, offsets, tuple(sites), row, column, joined(site), joined(term), ranks, repeated
    )


def _quality(flat: FlatModel, place: Site) -> int:
    family = flat.equations[place.family]
    if place.sum < 0:
        return quality(coefficient(family.template, slot(place.slot)), family.kinds)
    part = family.sums[place.sum]
    outer = quality(coefficient(family.template, total(place.sum)), family.kinds)
    return max(outer, quality(coefficient(part.term, slot(place.slot)), part.kinds))


def occurrences(
    families: Sequence[Family], of_var: np.ndarray, of_der: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`(row, column)` of everything that has a number in `of_var` or `of_der` (by variable; -1: none)."""
    rows, columns = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    first = 0
    for family in families:
        parts = [(family.template, family.kinds, family.table, np.arange(family.size))]
        parts += [(s.term, s.kinds, s.table, s.owner) for s in family.sums]
        for template, kinds, table, owner in parts:
            for k, kind in enumerate(kinds):
                if kind in ("var", "der") and slot(k) in symbols_of(template):
                    number = (of_var if kind == "var" else of_der)[table[:, k]]
                    rows.append(first + owner[number >= 0])
                    columns.append(number[number >= 0])
        first += family.size
    return np.concatenate(rows), np.concatenate(columns)


def _trust_constants(
    flat: FlatModel, sites: list[Site], site: np.ndarray, term: np.ndarray, rank: np.ndarray
) -> None:
    """Coefficients were ranked as if no constant were zero: entries where one is zero lose their rank."""
    start = np.searchsorted(site, np.arange(len(sites) + 1))
    for number, place in enumerate(sites):
        family = flat.equations[place.family]
        here = np.arange(start[number], start[number + 1])
        parts: list[tuple[sp.Expr | None, tuple[str, ...], np.ndarray, np.ndarray]] = []
        if place.sum < 0:
            c = coefficient(family.template, slot(place.slot))
            parts.append((c, family.kinds, family.table, term[here]))
        else:
            inner = family.sums[place.sum]
            outer = coefficient(family.template, total(place.sum))
            parts.append((coefficient(inner.term, slot(place.slot)), inner.kinds, inner.table, term[here]))
            parts.append((outer, family.kinds, family.table, inner.owner[term[here]]))
        for c, kinds, table, rows in parts:
            for k, kind in enumerate(kinds):
                if kind == "const" and c is not None and slot(k) in symbols_of(c):
                    rank[here[flat.constants[table[rows, k]] == 0]] = IMPLICIT
