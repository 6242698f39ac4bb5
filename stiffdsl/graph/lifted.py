"""A sorted system with nothing assigned: every unknown is implicit, every equation a residual.

before   x := 1000 - y^3,  0 = y + log(x) - 10        after   0 = x + y^3 - 1000,  0 = y + log(x) - 10

Newton's method comes from further away in it: all guesses count, and no value is computed through others before it is
put into a function that overflows there (Albersmeyer and Diehl, The lifted Newton method, SIAM J. Optim. 20, 2010).
"""

from dataclasses import replace

import numpy as np

from stiffdsl.graph.incidence import incidence
from stiffdsl.graph.system import SortedSystem


def lifted(system: SortedSystem) -> SortedSystem:
    """`system` with all unknowns in y, behind the states; its initial problem has the solutions of the one before."""
    unknowns = incidence(system.flat).unknowns
    states, free = len(system.states), system.initial.free
    every = np.concatenate([free[free < states], states + np.arange(unknowns.size)])
    return replace(
        system,
        implicit=unknowns.variable,
        implicit_is_der=unknowns.is_der,
        assignments=(),
        residuals=system.flat.equations,
        initial=replace(system.initial, free=every),
    )
