"""Solves one template for one slot: paid once per shape, whatever the number of members.

template   s0 - s1*s2        for s2   →   s0/s1
template   s0 - g0           for a term of the sum g0: the term is taken out of the sum first (`expose`)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import sympy as sp

from stiffdsl.flat.derive import derivative
from stiffdsl.flat.functions import Ceil, Floor, Opaque, Where, where
from stiffdsl.flat.model import TIME, Family, Sum, slot, total
from stiffdsl.flat.template import operations, substitute, symbols_of

# Quality of solving an equation for an unknown; lower is better and preferred by the matching.
UNIT = 0  # linear, the coefficient is a number: no division that can fail
PARAMETER = 1  # linear, the coefficient is a product of parameters: fails only where one of them is zero
FREE = 2  # linear, the coefficient holds parameters, inputs and time, and may vanish
LINEAR = 3  # linear, the coefficient holds variables, and may vanish
IMPLICIT = 4  # anything else

# Templates of at most this many operations are multiplied out to see whether they are linear after all.
MULTIPLIED_OUT = 60
KNOWN_KINDS = ("param", "input", "const")


@lru_cache(maxsize=100_000)
def coefficient(template: sp.Expr, symbol: sp.Symbol) -> sp.Expr | None:
    """`c` of `template = c*symbol + rest` where neither holds `symbol`; None if it is not of that form.

    Read off where each term holds the symbol once, as one does by hand. Only a short template is multiplied out to
    see whether its powers cancel.
    """
    if symbol not in symbols_of(template):
        return None
    c = _factor(template, symbol)
    if c is None:
        if operations(template) > MULTIPLIED_OUT or _decides(template, symbol):
            return None
        c = sp.expand(derivative(template, symbol))
    if c == 0 or symbol in symbols_of(c) or c.has(sp.nan, sp.zoo, sp.oo):
        return None
    return c


@lru_cache(maxsize=100_000)
def _factor(term: sp.Expr, symbol: sp.Symbol) -> sp.Expr | None:
    """The coefficient of `symbol` in `term`; None where the term as written is not linear in it."""
    if symbol not in symbols_of(term):
        return sp.Integer(0)
    if term == symbol:
        return sp.Integer(1)
    if term.is_Add:
        parts = [_factor(a, symbol) for a in term.args]  # type: ignore[arg-type]
        return None if None in parts else sp.Add(*parts)  # type: ignore[arg-type]
    if term.is_Mul:
        holding = [k for k, a in enumerate(term.args) if symbol in symbols_of(a)]
        inner = _factor(term.args[holding[0]], symbol) if len(holding) == 1 else None  # type: ignore[arg-type]
        if inner is None:
            return None
        return sp.Mul(*(a for k, a in enumerate(term.args) if k != holding[0]), inner)  # type: ignore[arg-type]
    if isinstance(term, Where) and symbol not in symbols_of(term.args[0]):
        yes, no = (_factor(a, symbol) for a in term.args[1:])  # type: ignore[arg-type]
        return None if yes is None or no is None else where(term.args[0], yes, no)
    return None


def _decides(template: sp.Expr, symbol: sp.Symbol) -> bool:
    """Whether `symbol` stands in a condition, or is rounded."""
    atoms = template.atoms(sp.core.relational.Relational, Floor, Ceil, Opaque)
    return any(symbol in symbols_of(atom) for atom in atoms)


@lru_cache(maxsize=100_000)
def solve_for(template: sp.Expr, symbol: sp.Symbol) -> sp.Expr | None:
    """The value of `symbol` that makes `template` zero, or None where there is no safe closed form.

    Besides linear templates, functions with an inverse on all of the real line are inverted: `log(x) = r`
    has the one solution exp(r). `exp(x) = r` stays implicit: log(r) fails on the way where a Newton
    iteration would not.
    """
    c = coefficient(template, symbol)
    if c is not None:
        rest = substitute(template, {symbol: sp.Integer(0)})
        if rest.has(sp.nan, sp.zoo, sp.oo):
            if operations(template) > MULTIPLIED_OUT:
                return None
            rest = sp.expand(template - c * symbol)
            if symbol in symbols_of(rest):
                return None
        return -rest / c if c.is_number else _shorter(-rest / c)
    inverses = {sp.log: sp.exp, sp.sinh: sp.asinh, sp.asinh: sp.sinh, sp.atanh: sp.tanh}
    calls = [a for a in template.atoms(*inverses) if symbol in symbols_of(a)]
    if len(calls) != 1:
        return None
    call, stand_in = calls[0], sp.Dummy(real=True)
    around = substitute(template, {call: stand_in})
    if symbol in symbols_of(around):
        return None
    value = solve_for(around, stand_in)
    return None if value is None else solve_for(call.args[0] - inverses[call.func](value), symbol)


@lru_cache(maxsize=100_000)
def _shorter(value: sp.Expr) -> sp.Expr:
    if operations(value) > MULTIPLIED_OUT or value.has(Where):
        return value
    expanded = sp.expand(value, multinomial=False)
    return expanded if operations(expanded) < operations(value) else value


@lru_cache(maxsize=100_000)
def quality(c: sp.Expr | None, kinds: tuple[str, ...]) -> int:
    """Safety of a division by the coefficient `c`: `UNIT` or one of the constants beside it."""
    if c is None:
        return IMPLICIT
    known = {slot(k) for k, kind in enumerate(kinds) if kind in KNOWN_KINDS}
    unknown = symbols_of(c) - known - {TIME}
    constants = {slot(k) for k, kind in enumerate(kinds) if kind == "const"}
    parameters = {slot(k) for k, kind in enumerate(kinds) if kind == "param"}
    if symbols_of(c) <= constants and _never_zero(c, constants):
        return UNIT
    if _never_zero(c, constants | parameters):
        return PARAMETER
    return LINEAR if unknown else FREE


def _never_zero(c: sp.Basic, trusted: set[sp.Symbol]) -> bool:
    """Whether `c` is not zero as long as no symbol in `trusted` is."""
    if isinstance(c, sp.Expr) and c.is_number:
        return bool(c.is_nonzero)
    if c.is_Symbol:
        return c in trusted
    if isinstance(c, sp.exp):
        return True
    if c.is_Mul:
        return all(_never_zero(a, trusted) for a in c.args)
    if c.is_Pow:
        return _never_zero(c.args[0], trusted)
    if isinstance(c, Where):
        # A parameter of one branch may well be zero: the resistance of an ideal switch.
        return all(_never_zero(branch, set()) for branch in c.args[1:])
    return False


@dataclass(frozen=True, eq=False)
class Exposed:
    """Members of a family with some terms of their sums written out as slots.

    `first[j]` is the number that slot 0 of the j-th exposed term has got.
    """

    family: Family
    first: tuple[int, ...]


def expose(family: Family, members: np.ndarray, terms: Sequence[tuple[int, np.ndarray]] = ()) -> Exposed:
    """The members `members` in that order; for each `(k, rows)` term `rows[m]` of sum k becomes slots."""
    template, kinds = family.template, family.kinds
    table, first = [family.table[members]], []
    taken: dict[int, list[np.ndarray]] = {}
    extra: dict[int, sp.Expr] = {}
    for k, rows in terms:
        part = family.sums[k]
        first.append(len(kinds))
        extra[k] = extra.get(k, sp.Integer(0)) + _shifted(part.term, len(part.kinds), len(kinds))
        kinds = kinds + part.kinds
        table.append(part.table[rows])
        taken.setdefault(k, []).append(rows)
    sums = tuple(_owned(part, family.size, members, taken.get(k, [])) for k, part in enumerate(family.sums))
    template = substitute(template, {total(k): total(k) + e for k, e in extra.items()})
    result = Family(
        template, kinds, np.concatenate(table, axis=1), family.origins, family.which[members], sums
    )
    return Exposed(result, tuple(first))


@lru_cache(maxsize=100_000)
def _shifted(term: sp.Expr, width: int, by: int) -> sp.Expr:
    return substitute(term, {slot(k): slot(k + by) for k in range(width)})


def _owned(part: Sum, size: int, members: np.ndarray, taken: list[np.ndarray]) -> Sum:
    """The terms of `members`, without those `taken`, with owners counted anew and ascending."""
    position = np.full(size, -1, dtype=np.int64)
    position[members] = np.arange(len(members))
    owner = position[part.owner]
    for rows in taken:
        owner[rows] = -1
    keep = np.flatnonzero(owner >= 0)
    keep = keep[np.argsort(owner[keep], kind="stable")]
    return replace(part, table=part.table[keep], owner=owner[keep])


def compact(family: Family) -> Family:
    """Without the slots and sums that the template does not mention; sums without terms are zero."""
    template = family.template
    empty: dict[sp.Expr, sp.Expr] = {
        total(k): sp.Integer(0) for k, part in enumerate(family.sums) if len(part.owner) == 0
    }
    if empty:
        template = substitute(template, empty)
    template, kept, sums = _renumbered(template, len(family.kinds), len(family.sums))
    return Family(
        template,
        tuple(family.kinds[k] for k in kept),
        np.ascontiguousarray(family.table[:, kept]),
        family.origins,
        family.which,
        tuple(family.sums[k] for k in sums),
    )


@lru_cache(maxsize=100_000)
def _renumbered(template: sp.Expr, width: int, sums: int) -> tuple[sp.Expr, list[int], list[int]]:
    free = symbols_of(template)
    kept = [k for k in range(width) if slot(k) in free]
    kept_sums = [k for k in range(sums) if total(k) in free]
    moved: dict[sp.Expr, sp.Expr] = {slot(k): slot(i) for i, k in enumerate(kept) if i != k}
    moved |= {total(k): total(i) for i, k in enumerate(kept_sums) if i != k}
    return substitute(template, moved), kept, kept_sums
