"""States that nothing reads, such as energy meters: their errors do not come back, and need not steer the steps.

What such a state adds up must be a polynomial of low degree in other unknowns: steps that follow these to the tolerance
follow that, too. A meter of an input or of time, of a root, an exponential or anything else that may be steeper than
the unknowns are, or that jumps or bends, has errors of its own and stays in the error norm.
"""

import numpy as np
import sympy as sp

from stiffdsl.flat.conditions.events import families_of
from stiffdsl.flat.model import TIME, Family, slot
from stiffdsl.flat.template import symbols_of
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.events import still

# The greatest power of an unknown that a quadrature outside of the norm adds up.
DEGREE = 3
FIXED = ("param", "const")


def quadratures(system: SortedSystem, columns: np.ndarray) -> np.ndarray:
    """Mask of the entries of y that are quadratures; `columns` are those of the nonzeros of df/dy."""
    count = len(system.states)
    found = np.zeros(system.size, dtype=bool)
    found[:count] = True
    found[np.unique(columns)] = False
    if system.flat.events:
        found &= ~_watched(system) & ~still(system)
    if system.invariants or not np.any(found):
        return np.zeros(system.size, dtype=bool)
    found[:count] &= ~_own_errors(system)[system.states]
    # Somebody has to steer.
    return found if not np.all(found) else np.zeros(system.size, dtype=bool)


def _watched(system: SortedSystem) -> np.ndarray:
    """Mask of the entries of y that events read: all where they read what is computed from states."""
    read = np.zeros(system.flat.size, dtype=bool)
    for family in families_of(system.flat.events):
        for part in (family, *family.sums):
            for k, kind in enumerate(part.kinds):
                if kind in ("var", "der"):
                    read[part.table[:, k]] = True
    states = np.zeros(system.flat.size, dtype=bool)
    states[system.states] = True
    if np.any(read & ~states):
        return np.ones(system.size, dtype=bool)
    return np.r_[read[system.states], np.ones(len(system.implicit), dtype=bool)]


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
    own = TIME in symbols_of(template) or "input" in kinds or not _polynomial(template, kinds)
    found = np.full(len(table), own)
    for k, kind in enumerate(kinds):
        if kind in marked:
            found |= marked[kind][table[:, k]]
    return found


def _polynomial(template: sp.Expr, kinds: tuple[str, ...]) -> bool:
    """Whether a template is made of sums, products and small powers of its unknowns; anything of parameters alone."""
    # Sums over many terms have symbols of their own, and count as unknowns.
    unknowns = symbols_of(template) - {slot(k) for k, kind in enumerate(kinds) if kind in FIXED}

    def simple(node: sp.Basic) -> bool:
        if not symbols_of(node) & unknowns or node in unknowns:
            return True
        if isinstance(node, sp.Pow):
            power = node.exp.is_Integer and 1 <= int(node.exp) <= DEGREE
            return bool(power) and simple(node.base)
        return isinstance(node, sp.Add | sp.Mul) and all(simple(child) for child in node.args)

    return simple(template)
