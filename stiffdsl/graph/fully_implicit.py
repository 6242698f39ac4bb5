"""A sorted system with nothing assigned: every unknown is implicit, every equation a residual.

before   x := 1000 - y^3,  0 = y + log(x) - 10        after   0 = x + y^3 - 1000,  0 = y + log(x) - 10

Newton's method comes from further away in it: all guesses count, and no value is computed through others before it is
put into a function that overflows there (Albersmeyer and Diehl, The lifted Newton method, SIAM J. Optim. 20, 2010).
"""

from dataclasses import replace

import numpy as np

from stiffdsl.graph.explicit import compact, expose
from stiffdsl.graph.incidence import Incidence, incidence
from stiffdsl.graph.system import SortedSystem


def fully_implicit(system: SortedSystem) -> SortedSystem:
    """`system` with all its unknowns in y, behind the states; its initial problem has the same solutions.

    Not for systems with states that conserved quantities give: these are no unknowns of the equations.
    """
    assert not len(system.eliminated), "an eliminated state has no equation of its own"
    inc = incidence(system.flat)
    needed = _needed(system, inc)
    unused = np.zeros(inc.equations, dtype=bool)
    unused[inc.row[~needed[inc.column]]] = True
    residuals, first = [], 0
    for family in system.flat.equations:
        members = np.flatnonzero(~unused[first : first + family.size])
        first += family.size
        if len(members):
            residuals.append(
                family if len(members) == family.size else compact(expose(family, members).family)
            )
    states, free, own = len(system.states), system.initial.free, np.flatnonzero(needed)
    assert sum(f.size for f in residuals) == len(own), "what is needed has an equation each"
    return replace(
        system,
        implicit=inc.unknowns.variable[own],
        implicit_is_der=inc.unknowns.is_der[own],
        assignments=(),
        residuals=tuple(residuals),
        initial=replace(
            system.initial, free=np.concatenate([free[free < states], states + np.arange(len(own))])
        ),
    )


def _needed(system: SortedSystem, inc: Incidence) -> np.ndarray:
    """Mask of the unknowns that the system computes: all, unless it is pruned to the outputs named."""
    needed = np.zeros(inc.unknowns.size, dtype=bool)
    der = system.implicit_is_der.astype(bool)
    found = [(a.kind == "der", a.targets) for a in system.assignments]
    for is_der, variables in [*found, (False, system.implicit[~der]), (True, system.implicit[der])]:
        columns = (inc.unknowns.of_der if is_der else inc.unknowns.of_var)[variables]
        needed[columns[columns >= 0]] = True
    return needed
