"""Flows that no equation tells apart: two grounds on one node, two ideal parts side by side.

Their potentials are then said twice, and an equation was dropped because it says nothing new; what flows
through each is anybody's guess, and only the sum has a meaning. One of them is taken as zero, with a warning.
"""

from dataclasses import replace

import numpy as np
from scipy.linalg import qr

from stiffdsl.diagnostics import Diagnostic, Label
from stiffdsl.flat.model import Family, FlatModel, slot
from stiffdsl.graph.conservation.merged import Structure, under_groups
from stiffdsl.graph.explicit import expose
from stiffdsl.graph.incidence import Incidence
from stiffdsl.graph.start_values import StartValues

NAMED = 3
# Larger groups are settled by structure alone.
MOST = 200
ROUNDING = 1e-9


def settled_flows(
    flat: FlatModel, inc: Incidence, merged: Structure
) -> tuple[FlatModel, tuple[Diagnostic, ...]] | None:
    """The model with `flow = 0` for each flow that is lacking an equation; None where that is not what is
    wrong.
    """
    written = flat.counts.get("unknowns_before", 0) - flat.counts.get("equations_before", 0)
    # As many equations as unknowns were written, or more: those that are lacking were dropped as redundant.
    if inc.unknowns.size <= inc.equations or -1 in merged.of_row or written > 0:
        return None
    is_flow = np.zeros(flat.size, dtype=bool)
    for block in flat.variables:
        if block.kind == "flow":
            is_flow[flat.alias[block.offset : block.offset + block.size]] = True
    columns = np.array([c for group, _ in under_groups(merged) for c in group], dtype=np.int64)
    if not np.all(is_flow[inc.unknowns.variable[columns]]):
        return None
    groups = under_groups(merged)
    missing = [_free(flat, inc, merged, group, lacking) for group, lacking in groups]
    variables = inc.unknowns.variable[np.concatenate(missing).astype(np.int64)]
    spans = tuple(b.span for v in variables for b in flat.variables if b.offset <= v < b.offset + b.size)
    zero = Family(slot(0), ("var",), variables[:, None], spans, np.arange(len(variables)))
    return replace(flat, equations=(*flat.equations, zero)), (_warning(flat, variables, spans[0]),)


def _free(flat: FlatModel, inc: Incidence, merged: Structure, group: list[int], lacking: int) -> np.ndarray:
    """`lacking` flows of a group that its equations do not tell apart: with these known, all are.

    Two batteries and the ground behind them share two equations; but these say that the ground carries nothing.
    """
    structural = np.array([c for c in group if merged.of_column[c] < 0], dtype=np.int64)
    rows = sorted({r for c in group for r in merged.rows_of[c]})
    if len(group) > MOST or len(rows) > MOST:
        return structural
    place = {c: k for k, c in enumerate(group)}
    matrix, beginning = np.zeros((len(rows), len(group))), StartValues(flat)
    of_row = {r: i for i, r in enumerate(rows)}
    for entry in np.flatnonzero(np.isin(inc.row, rows) & np.isin(inc.column, group)).tolist():
        site, row = inc.sites[inc.site[entry]], int(inc.row[entry])
        family, member = flat.equations[site.family], inc.locate(row)[1]
        terms = [(site.sum, inc.term[[entry]])] if site.sum >= 0 else []
        exposed = expose(family, np.array([member]), terms)
        k = site.slot + (exposed.first[0] if terms else 0)
        matrix[of_row[row], place[int(inc.column[entry])]] += beginning.partial(exposed.family, k)[0]
    if not np.all(np.isfinite(matrix)):
        return structural
    _, sizes, vectors = np.linalg.svd(matrix)
    rank = int(np.sum(sizes > ROUNDING * max(1.0, float(sizes.max(initial=0.0)))))
    if len(group) - rank != lacking:
        return structural
    # The rows of the null space that are most independent; of equals, what was declared last.
    order = sorted(range(len(group)), key=lambda k: -int(inc.unknowns.variable[group[k]]))
    pivots = qr(vectors[rank:][:, order], pivoting=True)[-1]
    return np.array([group[order[k]] for k in pivots[:lacking]], dtype=np.int64)


def _warning(flat: FlatModel, variables: np.ndarray, span) -> Diagnostic:
    names = ", ".join(f"`{flat.variable_name(int(v))}`" for v in variables[:NAMED])
    more = f" and {len(variables) - NAMED} more" if len(variables) > NAMED else ""
    return Diagnostic(
        code="W0402",
        title=f"nothing tells apart what flows through parts side by side: {names}{more} taken as zero",
        labels=(Label(span, "only the sum of such flows is known"),),
        notes=("the same potential is fixed twice, as by two grounds on one node",),
        help="take one of the parts out, if what flows through each of them matters",
    )
