"""Conserved quantities: weighted sums of states whose derivative the equations make zero, whatever the state.

before   der(A) = -k1*A    der(B) = k1*A - k2*B    der(C) = k2*B           after    A + B + C is constant
         C1*der(T1) = -q   C2*der(T2) = q                                           C1*T1 + C2*T2 is constant

They are the combinations of equations in which every term cancels but derivatives of states (`terms`, `nullspace`): the
moieties of a reaction network (Schuster and Höfer, Determining all extreme semi-positive conservation relations in
chemical reaction systems, J. Chem. Soc. Faraday Trans. 87, 1991), the mass of a closed network of tanks, charge, heat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy as sp

from stiffdsl.flat.model import Family, FlatModel, Sum, slot, total
from stiffdsl.flat.template import substitute
from stiffdsl.graph.conservation.linear_terms import Terms, Weights, terms
from stiffdsl.graph.conservation.moieties import Vector, added, order_of, shortest
from stiffdsl.graph.conservation.nullspace import NullSpace, left_null_space
from stiffdsl.graph.names import name_of

# Terms of a conserved quantity that are written before "and … more".
WRITTEN = 12
# Entries of the equations up to which they are looked for.
LARGEST = 5_000_000
# Entries up to which equations are also compared without the parameters that all their terms share.
SMALL = 100_000


@dataclass(frozen=True, eq=False)
class Conserved:
    """`quantity = Σ numbers[k] * factors[k] * states[k]` is constant.

    `factors[k]` is `(expression, kinds, ids)` over parameters and constants; the expression 1 where there is none.
    """

    states: np.ndarray
    numbers: tuple[int, ...]
    factors: tuple[tuple[sp.Expr, tuple[str, ...], tuple[int, ...]], ...]

    def __len__(self) -> int:
        return len(self.states)

    def family(self, flat: FlatModel, kind: str = "var", without: int = -1) -> Family:
        """The quantity as a family of one member, over slots of `kind`; without entry `without`."""
        groups: dict[tuple, list[int]] = {}
        for k in range(len(self)):
            if k != without:
                expression, kinds, _ = self.factors[k]
                groups.setdefault((self.numbers[k], expression, kinds), []).append(k)
        sums = []
        for (number, expression, kinds), members in groups.items():
            moved = expression.xreplace({slot(i): slot(i + 1) for i in range(len(kinds))})
            table = np.array([[self.states[k], *self.factors[k][2]] for k in members], dtype=np.int64)
            owner = np.zeros(len(members), dtype=np.int64)
            sums.append(Sum(sp.Mul(number, moved, slot(0)), (kind, *kinds), table, owner))
        template = sp.Add(*(total(k) for k in range(len(sums))))
        origin = flat.equations[0].origins[:1]
        nothing = np.zeros((1, 0), dtype=np.int64)
        return Family(template, (), nothing, origin, np.zeros(1, dtype=np.int64), tuple(sums))

    def weight(self, k: int) -> sp.Expr:
        return self.numbers[k] * self.factors[k][0]

    def text(self, flat: FlatModel, most: int = WRITTEN) -> str:
        """`A + 2*B - C1*T`, in the names of the model."""
        written = ""
        for k in range(min(len(self), most)):
            number = self.numbers[k]
            size = "" if abs(number) == 1 else f"{abs(number)}*"
            text = size + self._term(flat, k)
            if not written:
                written = text if number > 0 else f"-{text}"
            else:
                written += f" + {text}" if number > 0 else f" - {text}"
        return written + (f" + … ({len(self)} terms)" if len(self) > most else "")

    def _term(self, flat: FlatModel, k: int) -> str:
        """A state with the parameters before it, or below it."""
        name = flat.variable_name(int(self.states[k]))
        expression, kinds, ids = self.factors[k]
        if expression == 1:
            return name
        filled = zip(kinds, ids, strict=True)
        names: dict[sp.Expr, sp.Expr] = {
            slot(i): sp.Symbol(name_of(flat, *one), real=True) for i, one in enumerate(filled)
        }
        return str(sp.Mul(substitute(expression, names), sp.Symbol(name, real=True)))


@dataclass(frozen=True, eq=False)
class ConservedQuantities:
    """The conserved quantities of a model; `complete`: whether these are all, `reason` why not."""

    flat: FlatModel
    quantities: tuple[Conserved, ...]
    reason: str | None = None

    @property
    def complete(self) -> bool:
        return self.reason is None

    @cached_property
    def texts(self) -> list[str]:
        return [q.text(self.flat) for q in self.quantities]

    def __len__(self) -> int:
        return len(self.quantities)


def conserved(flat: FlatModel) -> ConservedQuantities:
    """The conserved quantities of `flat`, whose equations are on representatives (aliases eliminated). What an event
    sets conserves nothing."""
    entries = sum(f.table.size + sum(s.table.size for s in f.sums) for f in flat.equations)
    if entries > LARGEST:
        return ConservedQuantities(flat, (), f"not looked for: the equations have {entries:,} entries")
    rational: list[dict] = []
    complete = True
    seen: list[tuple[np.ndarray, ...]] = []
    for scaled in (False, True) if entries <= SMALL else (False,):
        found = terms(flat, scaled)
        if scaled and len(seen) and _same(seen[0], found):
            break
        seen.append((found.row, found.key))
        vectors, whole = _combined(flat, found)
        rational += vectors
        complete &= whole
    changed = {int(v) for event in flat.events for a in event.actions for v in flat.alias[a.targets]}
    kept = [v for v in rational if not any(key[0] in changed for key in v)] if changed else rational
    independent = _independent(flat, kept)
    quantities = tuple(_quantity(v) for v in shortest(independent))
    reason = None if complete else "some may be missing: the model is too large for all of them"
    return ConservedQuantities(flat, tuple(sorted(quantities, key=lambda q: q.states.tolist())), reason)


def _same(before: tuple[np.ndarray, ...], found: Terms) -> bool:
    return np.array_equal(before[0], found.row) and np.array_equal(before[1], found.key)


def _combined(flat: FlatModel, found: Terms) -> tuple[list[Vector], bool]:
    equations = sum(f.size for f in flat.equations)
    multiple = np.ones(equations, dtype=np.int64)
    if len(found.row):
        order = np.argsort(found.row, kind="stable")
        first = np.flatnonzero(np.r_[True, np.diff(found.row[order]) != 0])
        common = np.lcm.reduceat(found.denominator[order], first)
        multiple[found.row[order][first]] = np.where((common > 0) & (common < 2**30), common, 1)
    value = found.numerator * (multiple[found.row] // found.denominator)
    _, column = np.unique(found.key, return_inverse=True)
    column = column.ravel()
    # An equation without a derivative that no other meets needs no look; `left_null_space` removes it at once.
    space = left_null_space(equations, found.row, column, value)
    return _vectors(space, found.weights, multiple), space.complete


def _vectors(space: NullSpace, weights: Sequence[Weights], multiple: np.ndarray) -> list[Vector]:
    """The sums of states that the combinations `space` of equations keep constant."""
    by_row: dict[int, list[tuple[Weights, str, int]]] = {}
    wanted = np.zeros(len(multiple), dtype=bool)
    wanted[space.row] = True
    for w in weights:
        written = str(w.factor)
        for k in np.flatnonzero(wanted[w.row]).tolist():
            by_row.setdefault(int(w.row[k]), []).append((w, written, k))
    result = []
    for i in range(len(space)):
        vector: Vector = {}
        mine = slice(space.start[i], space.start[i + 1])
        for r, value in zip(space.row[mine].tolist(), space.value[mine].tolist(), strict=True):
            for w, written, k in by_row.get(r, ()):
                number = Fraction(int(w.numerator[k]), int(w.denominator[k])) * int(multiple[r]) * value
                ids = tuple(w.table[k].tolist())
                key = (int(w.state[k]), written, w.factor, w.kinds, ids)
                vector[key] = vector.get(key, Fraction(0)) + number
        vector = {key: n for key, n in vector.items() if n}
        if vector:
            result.append(vector)
    return result


def _independent(flat: FlatModel, vectors: list[Vector]) -> list[Vector]:
    """Linearly independent `vectors`, chosen greedily from the shortest on.

    Coefficients hold parameters: independence is decided at values chosen for them, the same for all.
    """
    kept: list[Vector] = []
    reduced: dict[int, dict[int, Fraction]] = {}
    for vector in sorted(vectors, key=len):
        rest: dict[int, Fraction] = {}
        for key, n in vector.items():
            rest[key[0]] = rest.get(key[0], Fraction(0)) + n * _some_value(flat, *key[2:])
        # The pivot of each is its first state, so that nothing before a pivot comes back.
        while pivots := rest.keys() & reduced.keys():
            pivot = min(pivots)
            rest = added(rest, reduced[pivot], -rest[pivot] / reduced[pivot][pivot])
        if rest:
            reduced[min(rest)] = rest
            kept.append(vector)
    return kept


@lru_cache(maxsize=100_000)
def _some_value(flat: FlatModel, factor: sp.Expr, kinds: tuple[str, ...], ids: tuple[int, ...]) -> Fraction:
    if factor == 1:
        return Fraction(1)
    values = {
        slot(k): sp.Rational(flat.constants[i])
        if kind == "const"
        else sp.Integer(3 + (7919 * (i + 1)) % 1009)
        for k, (kind, i) in enumerate(zip(kinds, ids, strict=True))
    }
    value: Any = factor.xreplace(values)
    return Fraction(int(value.p), int(value.q)) if value.is_Rational else Fraction(float(value))


def _quantity(vector: Vector) -> Conserved:
    keys = sorted(vector, key=order_of)
    return Conserved(
        np.array([k[0] for k in keys], dtype=np.int64),
        tuple(int(vector[k]) for k in keys),
        tuple((k[2], k[3], k[4]) for k in keys),
    )
