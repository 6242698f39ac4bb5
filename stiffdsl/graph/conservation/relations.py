"""Equations that are linear relations among some variables, in parameters alone beside them, and their numbers.

n*middle - Σ T[i] = 0          the weight of middle is n, that of every T[i] is -1"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from stiffdsl.flat.model import TIME, Family, FlatModel, slot, total
from stiffdsl.flat.numpy_printer import compiled
from stiffdsl.flat.template import slots_in


@dataclass(frozen=True, eq=False)
class WeightTerm:
    """`expression` over slots of `kinds` (parameters, constants) filled by `table`: what is added to the weight of
    variable `variables[k]` in relation `rows[k]`; of variable -1, to the constant term."""

    rows: np.ndarray
    variables: np.ndarray
    expression: sp.Expr
    kinds: tuple[str, ...]
    table: np.ndarray


def linear_equations(flat: FlatModel, known: np.ndarray) -> list[tuple[list[str], list[WeightTerm]]]:
    """The linear equations in parameters and variables that are `known` (not negative), as they are written."""
    found = []
    for family in flat.equations:
        parts = _linear(family.template, family.kinds, tuple((s.term, s.kinds) for s in family.sums))
        if parts is None:
            continue
        mine = _within(family, known)
        if not mine.any():
            continue
        number = np.cumsum(mine) - 1
        made = []
        for place, variable, expression in parts:
            table, kinds, owner = family.table, family.kinds, np.arange(family.size)
            if place >= 0:
                part = family.sums[place]
                table, kinds, owner = part.table, part.kinds, part.owner
                table = np.concatenate([table, family.table[owner]], axis=1)
                kinds = kinds + family.kinds
            keep = mine[owner]
            table, owner = table[keep], owner[keep]
            if len(owner):
                column = table[:, variable] if variable >= 0 else np.full(len(table), -1)
                made.append(WeightTerm(number[owner], column, expression, kinds, table))
        texts = []
        for k in np.flatnonzero(mine):
            span = family.origin_of(int(k))
            texts.append(span.source.line(span.line).split("#")[0].strip())
        if made:
            found.append((texts, made))
    return found


def _within(family: Family, known: np.ndarray) -> np.ndarray:
    """(members,) whether all variables of a member are known."""
    mine = np.ones(family.size, dtype=bool)
    for k, kind in enumerate(family.kinds):
        if kind == "var":
            mine &= known[family.table[:, k]] >= 0
    for part in family.sums:
        for k, kind in enumerate(part.kinds):
            if kind == "var":
                mine[part.owner[known[part.table[:, k]] < 0]] = False
    return mine


@lru_cache(maxsize=10_000)
def _linear(
    template: sp.Expr, kinds: tuple[str, ...], sums: tuple[tuple[sp.Expr, tuple[str, ...]], ...]
) -> list[tuple[int, int, sp.Expr]] | None:
    """(sum or -1, slot of the variable or -1 for a constant, coefficient) of a linear equation; None for any other.

    Coefficients in a sum are over its own slots, then those of the member.
    """
    whole = (*kinds, *(k for _, own in sums for k in own))
    inside = template.free_symbols.union(*(term.free_symbols for term, _ in sums))
    if "var" not in whole or not {"var", "param", "const"} >= set(whole) or TIME in inside:
        return None
    totals = [total(k) for k in range(len(sums))]
    parts: list[tuple[int, int, sp.Expr]] = []
    unknown: set[Any] = {slot(k) for k, kind in enumerate(kinds) if kind == "var"} | set(totals)
    split = _coefficients(template, unknown)
    if split is None:
        return None
    of, rest = split
    if rest != 0:
        parts.append((-1, -1, rest))
    parts += [(-1, slots_in(s)[0], c) for s, c in of.items() if s not in totals]
    for place, (term, own) in enumerate(sums):
        before = of.get(totals[place])
        if before is None:
            continue
        shifted = before.xreplace({slot(k): slot(k + len(own)) for k in range(len(kinds))})
        inner = _coefficients(term, {slot(k) for k, kind in enumerate(own) if kind == "var"})
        if inner is None:
            return None
        if inner[1] != 0:
            parts.append((place, -1, shifted * inner[1]))
        parts += [(place, slots_in(s)[0], shifted * c) for s, c in inner[0].items()]
    return parts


def _coefficients(expression: sp.Expr, unknown: set[Any]) -> tuple[dict[Any, Any], Any] | None:
    """Coefficients of each of `unknown`, and the rest; None where `expression` is not linear in them."""
    try:
        of: dict[Any, Any] = {
            s: sp.diff(expression, s) for s in sorted(unknown & expression.free_symbols, key=str)
        }
    except (TypeError, ValueError, NotImplementedError):
        return None
    if any(c.free_symbols & unknown or c.has(sp.Derivative, sp.Subs) for c in of.values()):
        return None
    return of, expression.xreplace(dict.fromkeys(of, sp.Integer(0)))


def evaluated(flat: FlatModel, part: WeightTerm, p: np.ndarray) -> np.ndarray:
    """(entries,) the numbers of a part for parameters p in SI."""
    used = slots_in(part.expression)
    columns: Sequence[np.ndarray] = [
        (flat.constants if part.kinds[k] == "const" else p)[part.table[:, k]] for k in used
    ]
    with np.errstate(all="ignore"):
        found = np.asarray(_compiled(part.expression, tuple(used))(*columns), dtype=float)
    return np.broadcast_to(found, (len(part.rows),))


@lru_cache(maxsize=10_000)
def _compiled(expression: sp.Expr, used: tuple[int, ...]) -> Callable[..., Any]:
    return compiled([slot(k) for k in used], expression)
