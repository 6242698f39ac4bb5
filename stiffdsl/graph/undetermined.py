"""Flows that no equation tells apart: two grounds on one node, two ideal parts side by side.

Their potentials are then said twice, and an equation was dropped because it says nothing new; what flows
through each is anybody's guess, and only the sum has a meaning. One of them is taken as zero, with a warning.
"""

from dataclasses import replace

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label
from stiffdsl.flat.model import Family, FlatModel, slot
from stiffdsl.graph.incidence import Incidence
from stiffdsl.graph.merged import Structure, under_groups

NAMED = 3


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
    missing = np.array([c for c, r in enumerate(merged.of_column) if r < 0], dtype=np.int64)
    variables = inc.unknowns.variable[missing]
    spans = tuple(b.span for v in variables for b in flat.variables if b.offset <= v < b.offset + b.size)
    zero = Family(slot(0), ("var",), variables[:, None], spans, np.arange(len(variables)))
    return replace(flat, equations=(*flat.equations, zero)), (_warning(flat, variables, spans[0]),)


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
