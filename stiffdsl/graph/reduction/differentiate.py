"""The derivative of a family by time: symbolically once per template, whatever the number of members.

    template   s0^2 + s1^2 - s2       order (0, 0, -)      x^2 + y^2 = L
    derived    2*s0*s3 + 2*s1*s4      order (0, 0, -, 1, 1)

While equations are differentiated, slot k of a `Jet` holds derivative `orders[k]` of a variable (-1:
something that is not a variable); `reduce` says afterwards what each derivative is called.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp

from stiffdsl.flat.model import TIME, Family, Sum, slot, total
from stiffdsl.flat.template import substitute, symbols_of

VARIABLE = {"var": 0, "der": 1}


@dataclass(frozen=True, eq=False)
class Jet:
    """A family (or the terms of a sum) whose slots are derivatives of any order."""

    family: Family
    orders: tuple[int, ...]
    sums: tuple[tuple[int, ...], ...]


class Unknowable(Exception):
    """The derivative of what slot `slot` holds is needed, in the family (`sum` -1) or in a sum; -1: of a
    function.
    """

    def __init__(self, sum: int, slot: int):
        super().__init__(sum, slot)
        self.sum, self.slot = sum, slot


def jet(family: Family) -> Jet:
    """The family itself, not differentiated."""
    return Jet(
        family,
        tuple(VARIABLE.get(kind, -1) for kind in family.kinds),
        tuple(tuple(VARIABLE.get(kind, -1) for kind in part.kinds) for part in family.sums),
    )


def differentiate(of: Jet) -> Jet:
    """d/dt of every member. Raises `Unknowable` where an input, or a function without a derivative, is in the
    way.
    """
    family = of.family
    expression, sources = _total(family.template, family.kinds, of.orders, len(family.sums), -1)
    sums, sum_orders, replaced = list(family.sums), list(of.sums), {}
    for j, part in enumerate(family.sums):
        if total(j) not in symbols_of(family.template):
            continue
        term, inner = _total(part.term, part.kinds, of.sums[j], 0, j)
        kinds, table, orders = _extended(part.kinds, part.table, of.sums[j], inner)
        replaced[_rate(j)] = total(len(sums)) if term != 0 else sp.Integer(0)
        if term != 0:
            sums.append(Sum(term, kinds, table, part.owner))
            sum_orders.append(orders)
    kinds, table, orders = _extended(family.kinds, family.table, of.orders, sources)
    template = substitute(expression, replaced)
    derived = Family(template, kinds, table, family.origins, family.which, tuple(sums))
    return Jet(derived, orders, tuple(sum_orders))


def _extended(
    kinds: tuple[str, ...], table: np.ndarray, orders: tuple[int, ...], sources: tuple[int, ...]
) -> tuple[tuple[str, ...], np.ndarray, tuple[int, ...]]:
    """New slots for the derivatives of the slots `sources`."""
    more = tuple(orders[k] + 1 for k in sources)
    return (
        kinds + ("var",) * len(sources),
        np.concatenate([table, table[:, list(sources)]], axis=1),
        orders + more,
    )


def _rate(j: int) -> sp.Symbol:
    return sp.Symbol(f"rate{j}", real=True)


@lru_cache(maxsize=100_000)
def _total(
    template: sp.Expr, kinds: tuple[str, ...], orders: tuple[int, ...], sums: int, place: int
) -> tuple[sp.Expr, tuple[int, ...]]:
    """d/dt by the chain rule, and the slots whose derivatives got the new slots, in order."""
    parts, sources = [_partial(template, TIME)], []
    for k, kind in enumerate(kinds):
        if slot(k) not in symbols_of(template) or (orders[k] < 0 and kind != "input"):
            continue
        partial = _partial(template, slot(k))
        if partial == 0:
            continue
        if kind == "input":
            raise Unknowable(place, k)
        parts.append(partial * slot(len(kinds) + len(sources)))
        sources.append(k)
    parts += [_partial(template, total(j)) * _rate(j) for j in range(sums)]
    result = sp.Add(*parts)
    if result.has(sp.Derivative, sp.Subs):
        raise Unknowable(place, -1)
    return result, tuple(sources)


def _partial(template: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    return sp.diff(template, symbol) if symbol in symbols_of(template) else sp.Integer(0)
