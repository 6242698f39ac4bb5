"""A model whose unknowns all have an equation of their own: as it was written, or after index reduction."""

from dataclasses import dataclass, field, replace

import numpy as np

from stiffdsl.diagnostics import Diagnostic, ModelError
from stiffdsl.flat.model import Family, FlatModel
from stiffdsl.graph.conservation.merged import merged_structure
from stiffdsl.graph.diagnose import diagnose
from stiffdsl.graph.incidence import Incidence, incidence
from stiffdsl.graph.match import match
from stiffdsl.graph.reduction.reduce import reduce_index
from stiffdsl.graph.reduction.redundant import without_redundant
from stiffdsl.graph.reduction.underivable import irreducible
from stiffdsl.graph.undetermined import settled_flows


@dataclass(frozen=True, eq=False)
class Matched:
    """`pairing[e]`: the unknown that equation e gives. `invariants`, `counts`: what index reduction found;
    `orders[k]` is how often invariant k was differentiated. `redundant` equations only repeat what others
    say, as long as parameters are as declared.
    """

    flat: FlatModel
    incidence: Incidence
    pairing: np.ndarray
    invariants: tuple[Family, ...] = ()
    orders: tuple[int, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    redundant: tuple[Family, ...] = ()


def matched_system(flat: FlatModel) -> Matched:
    """Matches; reduces the index where states are tied. Raises `ModelError` (E0312, E0313)."""
    inc = incidence(flat)
    pairing = match(inc.equations, inc.unknowns.size, inc.row, inc.column, inc.quality)
    if inc.equations == inc.unknowns.size and np.all(pairing >= 0):
        return Matched(flat, inc, pairing)
    merged = merged_structure(flat, inc)
    settled = settled_flows(flat, inc, merged)
    if settled is not None:
        completed = matched_system(settled[0])
        return replace(completed, warnings=settled[1] + completed.warnings)
    kept = without_redundant(flat, inc, merged)
    if kept is not None:
        completed = _completed(kept[0])
        if completed is not None:
            return replace(completed, redundant=kept[1] + completed.redundant)
    wrong = diagnose(flat, inc, merged)
    if wrong:
        raise ModelError(wrong)
    of_equation = np.where(pairing < 0, -1, inc.unknowns.variable[pairing])
    reduced = reduce_index(flat, of_equation)
    inc = incidence(reduced.flat)
    pairing = match(inc.equations, inc.unknowns.size, inc.row, inc.column, inc.quality)
    assert inc.equations == inc.unknowns.size, "a reduced system is square"
    if np.any(pairing < 0):
        raise ModelError([irreducible(reduced.flat, inc, pairing)])
    counts = {
        "index": reduced.index,
        "differentiated": reduced.differentiated,
        "dummies": reduced.dummies,
        "invariants": sum(f.size for f in reduced.invariants),
    }
    return Matched(reduced.flat, inc, pairing, reduced.invariants, reduced.orders, counts)


def _completed(flat: FlatModel) -> Matched | None:
    """The model without its redundant equations; None where other equations are missing or too many."""
    try:
        return matched_system(flat)
    except ModelError:
        return None
