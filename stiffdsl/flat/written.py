"""The equations as they were written, in numbers: nothing of it comes from what the compiler makes of them.

Aliases, solved loops, reduced index and the array program come later; a solution that is held against this page is
checked against all of them. Templates are evaluated by SymPy's own NumPy code, at many points at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from scipy.sparse import csr_array

from stiffdsl.check.model import CheckedModel
from stiffdsl.flat.flatten import gathered
from stiffdsl.flat.model import TIME, Family, FlatModel, Sum, slot, total
from stiffdsl.flat.numpy_printer import LOOKUP, compiled
from stiffdsl.syntax.large import large_trees


@dataclass(frozen=True, eq=False)
class Written:
    """All equations of a model before anything is eliminated, over the scalars of its `FlatModel`.

    `equal`: pairs of variables (and a sign) that connections set equal; `zero`: variables that they set to zero.
    """

    equations: tuple[Family, ...]
    initial: tuple[Family, ...]
    equal: np.ndarray
    zero: np.ndarray
    constants: np.ndarray

    def differentiated(self) -> np.ndarray:
        """The variables whose derivatives are in the equations."""
        found = [np.zeros(0, dtype=np.int64)]
        for family in (*self.equations, *self.initial):
            for part in (family, *family.sums):
                found += [part.table[:, k] for k, kind in enumerate(part.kinds) if kind == "der"]
        return np.unique(np.concatenate(found))


def written(checked: CheckedModel, constants: Mapping[str, float] | None = None) -> Written:
    """The equations of a checked model, read anew."""
    with large_trees():
        context, connections = gathered(checked, dict(constants or {}))
        equations = context.equations.build(context.constant)
        initial = context.initial.build(context.constant)
    nothing = np.zeros((0, 3), dtype=np.int64)
    equal = [np.column_stack([a, b, np.full(len(a), sign)]) for a, b, sign in connections.equal]
    zero = np.concatenate([np.zeros(0, dtype=np.int64), *connections.zero])
    return Written(equations, initial, np.concatenate([nothing, *equal]), zero, context.constants)


def sorted_equations(flat: FlatModel) -> Written:
    """The equations of a model that is not there as text: its aliases are eliminated."""
    other = np.flatnonzero((flat.alias != np.arange(flat.size)) & (flat.sign != 0))
    equal = np.column_stack([other, flat.alias[other], flat.sign[other]])
    zero = np.flatnonzero(flat.sign == 0)
    return Written(flat.equations, flat.initial, equal, zero, flat.constants)


@dataclass(frozen=True)
class Residuals:
    """Residuals of equations at some points: `values`, and the `sizes` of their terms (points, equations)."""

    values: np.ndarray
    sizes: np.ndarray


def residuals(families: tuple[Family, ...], at: Mapping[str, Any], time: np.ndarray) -> Residuals:
    """Of every member of every family, in order; `time` (points,)."""
    points = len(time)
    values, sizes = [np.zeros((points, 0))], [np.zeros((points, 0))]
    for family in families:
        sums = [_sum(part, family.size, at, time) for part in family.sums]
        found = _call(family.template, family.kinds, family.table, at, time, sums)
        values.append(found[0])
        sizes.append(found[1])
    return Residuals(np.concatenate(values, axis=1), np.concatenate(sizes, axis=1))


def places(families: tuple[Family, ...]) -> Callable[[int], tuple[Family, int]]:
    """The family and the member that an equation is, by its number."""
    ends = np.cumsum([family.size for family in families])

    def place(k: int) -> tuple[Family, int]:
        number = int(np.searchsorted(ends, k, side="right"))
        return families[number], k - (int(ends[number - 1]) if number else 0)

    return place


def _sum(part: Sum, size: int, at: Mapping[str, Any], time: np.ndarray) -> np.ndarray:
    terms, _ = _call(part.term, part.kinds, part.table, at, time, [])
    ones = csr_array(
        (np.ones(len(part.owner)), (part.owner, np.arange(len(part.owner)))), (size, terms.shape[1])
    )
    return (ones @ terms.T).T


def _call(template, kinds, table, at, time, sums) -> tuple[np.ndarray, np.ndarray]:
    slots = [at[kind][..., table[:, k]] for k, kind in enumerate(kinds)]
    shape = (len(time), len(table))
    terms = _compiled(template, len(slots), len(sums))(time[:, None], at["lookup"], *slots, *sums)
    every = np.array([np.broadcast_to(np.asarray(term, dtype=float), shape) for term in terms])
    return every.sum(axis=0), np.abs(every).sum(axis=0)


@lru_cache(maxsize=5_000)
def _compiled(template: sp.Expr, slots: int, totals: int) -> Callable[..., list[Any]]:
    """The terms of a template, as functions of time, slots and sums."""
    names = [TIME, sp.Symbol(LOOKUP), *(slot(k) for k in range(slots)), *(total(k) for k in range(totals))]
    terms = list(template.args) if template.is_Add else [template]
    return compiled(names, terms)
