"""Equations as sums of terms that can be told apart: the columns in which linear combinations of equations cancel.

    der(A) = -k1*A + k3*B*C          columns   der(A)   k1*A   k3*B*C
    C1*der(T) = q1 - q2                        der(T)   q1     q2         weight of der(T): C1

A term is a rational number times factors. Terms with the same factors share a column, whatever family they stand in:
factors are compared by a 64-bit digest of their shape and of what fills their slots. A common divisor of an equation
(`der(T) = (q1 - q2)/C1`) is multiplied out first.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from stiffdsl.flat.model import Family, FlatModel, slot, total
from stiffdsl.flat.template import substitute

# A product of sums is written out up to so many terms; beyond, it is one term.
WRITTEN_OUT = 64
# Numbers are exact fractions up to this size; others count as factors, which cancel only against themselves.
LARGEST = 10**6
KNOWN = ("param", "const")

_KIND = {"var": 1, "der": 2, "param": 3, "input": 4, "const": 5}


@dataclass(frozen=True, eq=False)
class Weights:
    """`number * factor` stands before the derivative of `state[k]` in equation `row[k]`.

    `factor`: an expression over slots of `kinds` (parameters and constants), filled by `table[k]`.
    """

    row: np.ndarray
    state: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    factor: sp.Expr
    kinds: tuple[str, ...]
    table: np.ndarray


@dataclass(frozen=True, eq=False)
class Terms:
    """Terms of equations: `numerator/denominator` in equation `row` and column `key`, which cancel in a conserved
    quantity's balance, and the `weights` of derivatives, which stay."""

    row: np.ndarray
    key: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    weights: tuple[Weights, ...]


def terms(flat: FlatModel, scaled: bool = False) -> Terms:
    """The terms of `flat.equations`; equations are counted through all families.

    `scaled`: parameters that all terms of an equation hold are divided out too, not only divisors.
    """
    parts: list[tuple[np.ndarray, ...]] = [
        (np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    ]
    weights: list[Weights] = []
    first = 0
    for family in flat.equations:
        for found in _family_terms(flat, family, first, scaled):
            if isinstance(found, Weights):
                weights.append(found)
            else:
                parts.append(found)
        first += family.size
    row, key, above, below = (np.concatenate(c) for c in zip(*parts, strict=True))
    return Terms(row, key, above, below, tuple(weights))


def _family_terms(
    flat: FlatModel, family: Family, first: int, scaled: bool
) -> Iterator[Weights | tuple[np.ndarray, ...]]:
    written = _written(family.template, family.kinds, tuple((s.term, s.kinds) for s in family.sums), scaled)
    for place, expression in written:
        if place < 0:
            kinds, table, owner = family.kinds, family.table, np.arange(family.size)
        else:
            part = family.sums[place]
            kinds, owner = family.kinds + part.kinds, part.owner
            table = np.concatenate([family.table[owner], part.table], axis=1)
        term = _decomposed(expression, kinds)
        if term is None:
            # Told apart from everything: an equation that holds it takes part in nothing.
            unique = _mixed(np.uint64(first) + owner.astype(np.uint64), 0xDEAD + place)
            one = np.ones(len(owner), np.int64)
            yield first + owner, unique, one, one
            continue
        above, below, key = _numbers(flat, term, table)
        if term.der < 0:
            for factor in (*term.known, *term.others):
                key = key + _digests(flat, factor, kinds, table)
            yield first + owner, _mixed(key, 0), above, below
            continue
        known = sp.Mul(*term.known)
        slots = [k for k in range(len(kinds)) if slot(k) in known.free_symbols]
        renamed = substitute(known, {slot(k): slot(i) for i, k in enumerate(slots)})
        yield Weights(
            first + owner,
            table[:, term.der],
            above,
            below,
            renamed,
            tuple(kinds[k] for k in slots),
            np.ascontiguousarray(table[:, slots]),
        )


@lru_cache(maxsize=100_000)
def _written(
    template: sp.Expr, kinds: tuple[str, ...], sums: tuple[tuple[sp.Expr, tuple[str, ...]], ...], scaled: bool
) -> tuple[tuple[int, Any], ...]:
    """Every term with the sum that it belongs to, -1 for none; common divisors are multiplied out."""
    found: list[tuple[int, Any]] = []
    totals: dict[Any, int] = {total(k): k for k in range(len(sums))}
    for term in _summands(template):
        inside = [totals[s] for s in term.free_symbols if s in totals]
        if not inside:
            found.append((-1, term))
        elif len(inside) == 1 and total(inside[0]) in sp.Mul.make_args(term):
            k = inside[0]
            inner, width = sums[k][0], len(kinds)
            shifted = substitute(inner, {slot(i): slot(i + width) for i in range(len(sums[k][1]))})
            rest = sp.Mul(*(f for f in sp.Mul.make_args(term) if f != total(k)))
            found += [(k, sp.Mul(rest, t)) for t in _summands(shifted)]
        else:
            found.append((-1, sp.zoo))
    derivatives = {slot(k) for k, kind in enumerate(kinds) if kind == "der"}
    known = {slot(k) for k, kind in enumerate(kinds) if kind in KNOWN}
    common: set[Any] | None = None
    for _, term in found:
        if term.free_symbols & derivatives:
            continue
        mine = {
            f
            for f in sp.Mul.make_args(term)
            if f.free_symbols and f.free_symbols <= known and (scaled or _is_divisor(f))
        }
        common = mine if common is None else common & mine
    for f in sorted(common or (), key=sp.default_sort_key):
        found = [(k, t if t is sp.zoo else sp.Mul(t, 1 / f)) for k, t in found]
    return tuple(found)


def _is_divisor(f: sp.Expr) -> bool:
    return bool(f.is_Pow and f.args[1].is_number and f.args[1].is_negative)


def _summands(e: Any) -> list[Any]:
    """`e` as a list of terms, products of sums written out."""
    if e.is_Add:
        return [t for a in e.args for t in _summands(a)]
    if e.is_Mul:
        lists = [_summands(a) if a.is_Add else [a] for a in e.args]
        if any(len(x) > 1 for x in lists) and np.prod([len(x) for x in lists]) <= WRITTEN_OUT:
            return [t for choice in product(*lists) for t in _summands(sp.Mul(*choice))]
    return [e]


@dataclass(frozen=True)
class _Term:
    """A product: a number, constants to whole powers, factors of parameters, other factors; or a derivative."""

    number: float
    constants: tuple[tuple[int, int], ...]
    known: tuple[sp.Expr, ...]
    others: tuple[sp.Expr, ...]
    der: int


@lru_cache(maxsize=100_000)
def _decomposed(expression: sp.Expr, kinds: tuple[str, ...]) -> _Term | None:
    """None for what is not a plain term of the equation (`der(x)` inside a function, a sum inside one)."""
    if expression.has(sp.zoo, sp.nan, sp.oo):
        return None
    number, constants, known, others, der = 1.0, [], [], [], -1
    factor: Any
    places: dict[Any, int] = {slot(k): k for k in range(len(kinds))}
    for factor in sp.Mul.make_args(expression):
        base, exponent = factor.as_base_exp()
        inside = [places[s] for s in factor.free_symbols if s in places]
        holds = {kinds[k] for k in inside}
        if factor.is_number:
            number *= float(factor)
        elif factor in places and kinds[places[factor]] == "der" and der < 0:
            der = places[factor]
        elif "der" in holds:
            return None
        elif base in places and kinds[places[base]] == "const" and exponent in (1, -1):
            constants.append((places[base], int(exponent)))
        elif len(inside) == len(factor.free_symbols) and holds <= set(KNOWN):
            known.append(factor)
        else:
            others.append(factor)
    if der >= 0 and others:
        return None
    return _Term(number, tuple(constants), tuple(known), tuple(others), der)


def _numbers(flat: FlatModel, term: _Term, table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The number before each member as a fraction; and a digest where it is not one that can be trusted."""
    value = np.full(len(table), term.number)
    for k, exponent in term.constants:
        constant = flat.constants[table[:, k]]
        with np.errstate(all="ignore"):
            value = value * constant if exponent > 0 else value / constant
    distinct, place = np.unique(value, return_inverse=True)
    above, below = np.ones(len(distinct), np.int64), np.ones(len(distinct), np.int64)
    key = np.zeros(len(distinct), np.uint64)
    for i, v in enumerate(distinct.tolist()):
        fraction = _fraction(v)
        if fraction is None:
            above[i] = -1 if v < 0 else 1
            key[i] = _mixed(np.array([abs(v)]).view(np.uint64), 0xF10A7)[0]
        else:
            above[i], below[i] = fraction.numerator, fraction.denominator
    place = place.ravel()
    return above[place], below[place], key[place]


def _fraction(value: float) -> Fraction | None:
    """The short fraction that a decimal number or a quotient of small ones stands for."""
    if not np.isfinite(value):
        return None
    found = Fraction(value).limit_denominator(LARGEST)
    if abs(found.numerator) > LARGEST or abs(float(found) - value) > 2e-16 * abs(value):
        return None
    return found


def _digests(flat: FlatModel, factor: sp.Expr, kinds: Sequence[str], table: np.ndarray) -> np.ndarray:
    """A digest of `factor` in each member: of its shape, and of what fills its slots."""
    slots = [k for k in range(len(kinds)) if slot(k) in factor.free_symbols]
    digest = np.full(len(table), _shape(factor, tuple(slots)), dtype=np.uint64)
    for i, k in enumerate(slots):
        kind, ids = kinds[k], table[:, k]
        filled = flat.constants[ids].view(np.uint64) if kind == "const" else ids.astype(np.uint64)
        digest = digest + _mixed(filled, _KIND[kind] + 16 * i)
    return _mixed(digest, 1)


@lru_cache(maxsize=100_000)
def _shape(factor: sp.Expr, slots: tuple[int, ...]) -> np.uint64:
    renamed = substitute(factor, {slot(k): slot(i) for i, k in enumerate(slots)})
    digest = hashlib.blake2b(sp.srepr(renamed).encode(), digest_size=8).digest()
    return np.frombuffer(digest, np.uint64)[0]


def _mixed(values: np.ndarray, salt: int) -> np.ndarray:
    """Steele, Lea and Flood's splitmix64 (OOPSLA 2014): every bit of the result depends on every bit given."""
    with np.errstate(over="ignore"):
        z = np.asarray(values, np.uint64) + np.uint64(((salt + 1) * 0x9E3779B97F4A7C15) & (2**64 - 1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
