"""The Jacobian by sparse forward accumulation.

Every assigned value carries its derivatives by the entries of y as a list of structural nonzeros (member,
column) with one value each. The chain rule acts on whole families: the partial derivative by a slot is one
template, and the nonzeros of what the slot refers to are gathered. Nothing here is done once per equation
of a large model.

    x = f(a, b)        ∂x/∂y[j]  =  f_a · ∂a/∂y[j]  +  f_b · ∂b/∂y[j]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from stiffdsl.flat.derive import derivative, singular, steep
from stiffdsl.flat.model import Family, Sum, slot, total
from stiffdsl.program.evaluation import Evaluation
from stiffdsl.program.values import NOTHING, Value


@dataclass(frozen=True, eq=False)
class Nonzeros:
    """Derivatives of members by entries of y: nonzero e is (member[e], column[e]) with value e. `steep`: they may be
    infinite where what they are multiplied by is zero (`sqrt(x^2 + y^2)`)."""

    member: np.ndarray
    column: np.ndarray
    value: Value
    steep: bool = False

    def shifted(self, by: int) -> "Nonzeros":
        return Nonzeros(self.member + by, self.column, self.value, self.steep)


class Accumulation:
    """Derivatives of the families of an evaluation, those of each assignment made once."""

    def __init__(self, evaluation: Evaluation):
        self.evaluation, self.values = evaluation, evaluation.values
        self._made: dict[int, Nonzeros] = {}

    def of_rows(self) -> Nonzeros:
        """Derivatives of f: of the states' derivatives, then of the residual rows; row by row."""
        system = self.evaluation.system
        states = system.states
        ones = self.values.constants(np.ones(len(states)))
        rows = self._chained("der", states, np.arange(len(states)), ones) if len(states) else []
        return self._merged([*rows, *self._stacked(system.residuals, len(states))])

    def of_families(self, families: Sequence[Family]) -> Nonzeros:
        """Derivatives of `families` as rows one after another."""
        return self._merged(self._stacked(families, 0))

    def _stacked(self, families: Sequence[Family], at: int) -> list[Nonzeros]:
        parts = []
        for family in families:
            parts.append(self._of_family(family).shifted(at))
            at += family.size
        return parts

    def _assigned(self, k: int) -> Nonzeros:
        if k not in self._made:
            self._made[k] = self._of_family(self.evaluation.system.assignments[k - 1].value)
        return self._made[k]

    def _of_family(self, family: Family) -> Nonzeros:
        parts: list[Nonzeros] = []
        steep_here = steep(family.template)
        for k, partial in _partials(family.template, family.kinds):
            factor = self.evaluation.of_family(family, partial)
            members, infinite = np.arange(family.size), steep_here and singular(partial)
            parts += self._chained(family.kinds[k], family.table[:, k], members, factor, infinite)
        for j, terms in enumerate(family.sums):
            outer = derivative(family.template, total(j))
            if outer != 0:
                infinite = steep_here and singular(outer)
                parts += self._of_sum(terms, self.evaluation.of_family(family, outer), infinite)
        return self._merged(parts)

    def _of_sum(self, terms: Sum, outer: Value, infinite: bool) -> list[Nonzeros]:
        weight = self._picked(outer, terms.owner)
        parts = []
        for k, partial in _partials(terms.term, terms.kinds):
            within = steep(terms.term) and singular(partial)
            factor = self._times(weight, self.evaluation.of_terms(terms, partial), infinite, within)
            parts += self._chained(terms.kinds[k], terms.table[:, k], terms.owner, factor, infinite or within)
        return parts

    def _times(self, one: Value, other: Value, one_infinite: bool, other_infinite: bool) -> Value:
        """Their product: zero where one of them is, also where the other may be infinite."""
        if not (one_infinite or other_infinite):
            return self.values.product(one, other)
        first = self.values.unless_zero(other, one) if one_infinite else one
        second = self.values.unless_zero(one, other) if other_infinite else other
        return self.values.product(first, second)

    def _chained(
        self, kind: str, ids: np.ndarray, member: np.ndarray, factor: Value, infinite: bool = False
    ) -> list[Nonzeros]:
        """`factor`, which may be `infinite`, times the derivatives of the unknowns `ids`: one list for each source."""
        source, position = self.evaluation.located(kind, ids)
        parts = []
        for k in np.flatnonzero(np.bincount(source)).tolist():
            here = np.flatnonzero(source == k)
            mine = self._picked(factor, here)
            if k == 0:
                parts.append(Nonzeros(member[here], position[here], mine, infinite))
                continue
            inner = self._assigned(k)
            # Nonzeros of one member lie side by side, in the order of members.
            low = np.searchsorted(inner.member, position[here], side="left")
            count = np.searchsorted(inner.member, position[here], side="right") - low
            rows = np.repeat(np.arange(len(here)), count)
            if not len(rows):
                continue
            entries = low[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
            outer, within = self._picked(mine, rows), self._picked(inner.value, entries)
            value = self._times(outer, within, infinite, inner.steep)
            parts.append(Nonzeros(member[here][rows], inner.column[entries], value, infinite or inner.steep))
        return parts

    def _merged(self, parts: list[Nonzeros]) -> Nonzeros:
        """One list, ordered by member and column, duplicates added up."""
        parts = [p for p in parts if len(p.member)]
        if not parts:
            nothing = np.zeros(0, dtype=np.int64)
            return Nonzeros(nothing, nothing, NOTHING)
        member = np.concatenate([p.member for p in parts])
        column = np.concatenate([p.column for p in parts])
        source = np.repeat(np.arange(len(parts)), [len(p.member) for p in parts])
        position = np.concatenate([np.arange(len(p.member)) for p in parts])
        order = np.lexsort((column, member))
        member, column = member[order], column[order]
        first = np.r_[True, (np.diff(member) != 0) | (np.diff(column) != 0)]
        value = self.values.take([p.value for p in parts], source[order], position[order])
        if not np.all(first):
            value = self.values.total(value, np.cumsum(first) - 1, int(first.sum()))
        return Nonzeros(member[first], column[first], value, any(p.steep for p in parts))

    def _picked(self, value: Value, members: np.ndarray) -> Value:
        return self.values.take([value], np.zeros(len(members), dtype=np.int64), members)

    def kept(self, found: Nonzeros, entries: np.ndarray) -> Nonzeros:
        """The nonzeros `entries` of `found`."""
        value = self._picked(found.value, entries)
        return Nonzeros(found.member[entries], found.column[entries], value, found.steep)


def _partials(template: sp.Expr, kinds: Sequence[str]) -> list[tuple[int, sp.Expr]]:
    """Each slot that holds an unknown, with the derivative by it where that is not zero."""
    found = []
    for k, kind in enumerate(kinds):
        if kind in ("var", "der"):
            partial = derivative(template, slot(k))
            if partial != 0:
                found.append((k, partial))
    return found
