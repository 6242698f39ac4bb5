"""Equations that only repeat what others say: loops of ideal sources that fit, a potential that is fixed twice.

    s1.v = s1.V     s2.v = s2.V     s1.v = s2.v          two batteries of 5 V side by side

One equation of such a part has no unknown left. Where all of them are linear, hold nothing but parameters, and agree
for the declared values, one is taken out and *checked* where a run begins: other parameters may contradict it.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from stiffdsl.flat.model import TIME, Family, FlatModel, slot
from stiffdsl.flat.template import symbols_of
from stiffdsl.graph.conservation.merged import Structure
from stiffdsl.graph.explicit import compact, expose
from stiffdsl.graph.incidence import Incidence
from stiffdsl.graph.start_values import StartValues

# Parts of more equations than this are not looked at: a loop of sources is short.
MOST = 200
# Relative tolerance within which redundant equations agree at the declared values.
AGREE = 1e-9


def without_redundant(
    flat: FlatModel, inc: Incidence, merged: Structure
) -> tuple[FlatModel, tuple[Family, ...]] | None:
    """The model without the equations that have no unknown left, and these; None where one of them says something
    new, or where it cannot be known."""
    spare = [r for r, c in enumerate(merged.of_row) if c < 0]
    # More equations than unknowns are a mistake: of parts that fit, each has as many of both.
    if not 0 < len(spare) <= min(MOST, merged.of_column.count(-1)):
        return None
    beginning = StartValues(flat)
    for root in spare:
        if not _agrees(flat, inc, merged, beginning, root):
            return None
    equations, held, first = [], [], 0
    dropped = np.zeros(inc.equations, dtype=bool)
    dropped[spare] = True
    for family in flat.equations:
        mine = dropped[first : first + family.size]
        first += family.size
        for members, into in ((~mine, equations), (mine, held)):
            if np.all(members):
                into.append(family)
            elif np.any(members):
                into.append(compact(expose(family, np.flatnonzero(members)).family))
    return replace(flat, equations=tuple(equations)), tuple(held)


def _agrees(flat: FlatModel, inc: Incidence, merged: Structure, beginning: StartValues, root: int) -> bool:
    """Whether the equations that are too many around `root` have a solution for the declared values."""
    rows, place = [root], {root}
    for r in rows:
        for c in merged.columns_of[r]:
            other = merged.of_column[c]
            if other >= 0 and other not in place:
                place.add(other)
                rows.append(other)
        if len(rows) > MOST:
            return False
    columns = sorted({c for r in rows for c in merged.columns_of[r]})
    variable = {int(inc.unknowns.variable[c]): k for k, c in enumerate(columns)}
    matrix, right = np.zeros((len(rows), len(columns))), np.zeros(len(rows))
    for i, r in enumerate(rows):
        f, member = inc.locate(r)
        family = flat.equations[f]
        if (
            family.sums
            or TIME in symbols_of(family.template)
            or not {"var", "param", "const"} >= set(family.kinds)
        ):
            return False
        one = expose(family, np.array([member])).family
        zero = one.template
        for k, kind in enumerate(one.kinds):
            if kind != "var":
                continue
            slope = sp.diff(one.template, slot(k))
            here = variable.get(int(one.table[0, k]))
            if here is None or any(
                slot(j) in symbols_of(slope) for j, other in enumerate(one.kinds) if other == "var"
            ):
                return False
            matrix[i, here] += beginning.partial(one, k)[0]
            zero = zero.subs(slot(k), 0)
        right[i] = -beginning.value(replace(one, template=zero))[0]
    if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(right))):
        return False
    x = np.linalg.lstsq(matrix, right, rcond=None)[0]
    return bool(np.max(np.abs(matrix @ x - right)) <= AGREE * max(1.0, float(np.max(np.abs(right)))))
