"""Parameters put into equations as numbers: where a value is zero, terms go, and with them what they differentiate."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy as sp

from stiffdsl.flat.aliases import renumber, vanished
from stiffdsl.flat.model import Family, FlatModel, slot
from stiffdsl.flat.template import substitute


def with_fixed_parameters(
    flat: FlatModel, numbers: np.ndarray, values: np.ndarray, yielding: np.ndarray
) -> FlatModel:
    """The model with the parameters `numbers` (ascending) fixed at `values` (in SI). Starts of the variables `yielding`
    give way to what the equations say. Raises `Fault` where an equation holds for no value."""
    equations = _fixed(flat.equations, numbers, values)
    states = np.zeros(flat.size, dtype=bool)
    for family in equations:
        for part in (family, *family.sums):
            for k, kind in enumerate(part.kinds):
                if kind == "der":
                    states[part.table[:, k]] = True
    gives_way = flat.default_start.copy() if len(flat.default_start) else np.zeros(flat.size, dtype=bool)
    gives_way[yielding] = True
    return replace(
        flat,
        equations=equations,
        initial=_fixed(flat.initial, numbers, values),
        is_state=states,
        default_start=gives_way,
        fixed=dict(zip(numbers.tolist(), values.tolist(), strict=True)),
    )


def _fixed(families: tuple[Family, ...], numbers: np.ndarray, values: np.ndarray) -> tuple[Family, ...]:
    found = []
    for family in families:
        columns = [k for k, kind in enumerate(family.kinds) if kind == "param"]
        table = family.table[:, columns]
        here = np.isin(table, numbers)
        if not here.any():
            found.append(family)
            continue
        place = np.minimum(np.searchsorted(numbers, table), len(numbers) - 1)
        known = np.where(here, values[place], np.nan)
        keys, group = np.unique(known, axis=0, return_inverse=True, equal_nan=True)
        order = np.argsort(group.ravel(), kind="stable")
        ends = np.cumsum(np.bincount(group.ravel()))[:-1]
        for key, rows in zip(keys, np.split(order, ends), strict=True):
            replaced = tuple((columns[j], float(v)) for j, v in enumerate(key) if not np.isnan(v))
            member = _member(family, rows, replaced)
            if not vanished(member):
                found.append(member)
    return tuple(found)


def _member(family: Family, rows: np.ndarray, replaced: tuple[tuple[int, float], ...]) -> Family:
    template, kept = _template(family.template, len(family.kinds), replaced)
    position = np.full(family.size, -1)
    position[rows] = np.arange(len(rows))
    sums = []
    for part in family.sums:
        chosen = position[part.owner] >= 0
        sums.append(replace(part, table=part.table[chosen], owner=position[part.owner][chosen]))
    kinds = tuple(family.kinds[k] for k in kept)
    return Family(
        template, kinds, family.table[rows][:, kept], family.origins, family.which[rows], tuple(sums)
    )


@lru_cache(maxsize=10_000)
def _template(
    template: sp.Expr, width: int, replaced: tuple[tuple[int, float], ...]
) -> tuple[sp.Expr, tuple[int, ...]]:
    """The template with numbers in some of its slots, those that are left numbered anew, and their old numbers."""
    numbers: dict[sp.Expr, sp.Expr] = {
        slot(k): sp.Integer(int(v)) if v == int(v) else sp.Float(v) for k, v in replaced
    }
    return renumber(sp.sympify(substitute(template, numbers)), width)
