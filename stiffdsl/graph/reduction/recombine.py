"""Equations of a loop that are not independent: one becomes what they say together, without the loop's unknowns.

    C*(der(v2) - der(v1)) = a           C*(der(v2) - der(v1)) = a
    C*(der(v1) - der(v2)) = b           0 = a + b

So a capacitor between two nodes ties their voltages, of which one is a state; the new equation says how. (The
transistor amplifier of Rentrop, Roche and Steinebach, 1989: a mass matrix that is singular, and not diagonal.)
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy as sp

from stiffdsl.flat.model import Family, FlatModel, slot
from stiffdsl.flat.template import substitute
from stiffdsl.graph.explicit import PARAMETER, compact, expose, quality
from stiffdsl.graph.incidence import Incidence
from stiffdsl.graph.plan import SolutionPlan
from stiffdsl.graph.tear import loop_symbol


def recombined(flat: FlatModel, inc: Incidence, plan: SolutionPlan) -> FlatModel | None:
    """The model with one equation of every singular loop replaced; None where a loop says nothing more together."""
    replaced = np.zeros(inc.equations, dtype=bool)
    families: list[Family] = []
    for singular in plan.singular:
        loop = singular.loop
        found = _together(singular.templates, loop.kinds)
        if found is None:
            return None
        place, template = found
        rows = loop.rows[:, place]
        replaced[rows] = True
        number, _ = inc.locate(int(rows[0]))
        own = flat.equations[number]
        which = own.which[rows - inc.offsets[number]]
        families.append(compact(Family(template, loop.kinds, loop.table, own.origins, which, loop.sums)))
    return _with(flat, replaced, families)


def _with(flat: FlatModel, replaced: np.ndarray, families: list[Family]) -> FlatModel:
    kept, first = [], 0
    for family in flat.equations:
        members = np.flatnonzero(~replaced[first : first + family.size])
        first += family.size
        if len(members) == family.size:
            kept.append(family)
        elif len(members):
            kept.append(compact(expose(family, members).family))
    return replace(flat, equations=(*kept, *families))


@lru_cache(maxsize=1000)
def _together(templates: tuple[sp.Expr, ...], kinds: tuple[str, ...]) -> tuple[int, sp.Expr] | None:
    """The equation to be replaced, and what takes its place: a sum of all in which no unknown of the loop is left.

    The factor before the equation itself never vanishes, so that nothing is lost.
    """
    x = [loop_symbol(k) for k in range(len(templates))]
    matrix = sp.Matrix([[sp.diff(t, s) for s in x] for t in templates])
    nothing: dict[sp.Expr, sp.Expr] = {s: sp.Integer(0) for s in x}
    for vector in matrix.T.nullspace(simplify=True):
        factors = [sp.sympify(f) for f in vector]
        ranked = sorted((quality(f, kinds), k) for k, f in enumerate(factors) if f != 0)
        if not ranked or ranked[0][0] > PARAMETER:
            continue
        result = sp.Add(
            *(f * substitute(t, nothing) for f, t in zip(factors, templates, strict=True) if f != 0)
        )
        slots = {slot(k) for k, kind in enumerate(kinds) if kind in ("var", "der")}
        if sp.expand(result) != 0 and result.free_symbols & slots:
            return ranked[0][1], result
    return None
