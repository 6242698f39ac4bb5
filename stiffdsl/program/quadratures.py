"""States that nothing reads, such as energy meters: their errors do not come back, and need not steer the steps.

What such a state adds up must follow smoothly from other unknowns: these are held to the tolerance, and so is what
follows from them. A meter of an input or of time, or of something that jumps or bends, has errors of its own and
stays in the error norm.
"""

import numpy as np
import sympy as sp

from stiffdsl.flat.functions import Ceil, Floor, Where
from stiffdsl.flat.model import TIME, Family
from stiffdsl.graph.system import SortedSystem

_JUMPS = (Where, Floor, Ceil)


def quadratures(system: SortedSystem, columns: np.ndarray) -> np.ndarray:
    """Which entries of y are quadratures; `columns` are those of the nonzeros of df/dy."""
    count = len(system.states)
    found = np.zeros(system.size, dtype=bool)
    found[:count] = True
    found[np.unique(columns)] = False
    if system.invariants or not np.any(found):
        return np.zeros(system.size, dtype=bool)
    found[:count] &= ~_own_errors(system)[system.states]
    # Somebody has to steer.
    return found if not np.all(found) else np.zeros(system.size, dtype=bool)


def _own_errors(system: SortedSystem) -> np.ndarray:
    """The variables whose derivative follows from time, inputs or something that is not smooth."""
    size = system.flat.size
    marked = {"var": np.zeros(size, dtype=bool), "der": np.zeros(size, dtype=bool)}
    for assignment in system.assignments:
        marked[assignment.kind][assignment.targets] = _marked(assignment.value, marked)
    return marked["der"]


def _marked(family: Family, marked: dict[str, np.ndarray]) -> np.ndarray:
    found = _of_slots(family.template, family.kinds, family.table, marked)
    for terms in family.sums:
        np.logical_or.at(found, terms.owner, _of_slots(terms.term, terms.kinds, terms.table, marked))
    return found


def _of_slots(
    template: sp.Expr, kinds: tuple[str, ...], table: np.ndarray, marked: dict[str, np.ndarray]
) -> np.ndarray:
    found = np.full(len(table), TIME in template.free_symbols or template.has(*_JUMPS) or "input" in kinds)
    for k, kind in enumerate(kinds):
        if kind in marked:
            found |= marked[kind][table[:, k]]
    return found
