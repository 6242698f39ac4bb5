"""The condition that a solution slides along: it turns true and false at every step and no step gets anywhere.

A relation on unknowns (`x < 1`, `sign(v)`, `floor(x)`) whose sides push the solution back across it has no solution in
the usual sense there (Filippov, Differential Equations with Discontinuous Righthand Sides, 1988).
"""

from collections.abc import Sequence

import numpy as np

from stiffdsl.program.interpret import values_of
from stiffdsl.program.operations import ORDERED, ROUNDED
from stiffdsl.program.program import Program
from stiffdsl.program.wrong_term import equation_of

# Operations whose value jumps where their arguments pass a point.
JUMPING = (*ORDERED, *ROUNDED)
# The share of steps at which a condition has to change for it to chatter.
SHARE = 0.25


def chattering(
    program: Program,
    t: Sequence[float],
    y: np.ndarray,
    p: np.ndarray,
    u: np.ndarray,
    share: float = SHARE,
) -> str | None:
    """The equation whose condition changes most often at points of the solution one after the other.

    y (n, unknowns) and u (n, inputs) belong to the times t (n,). None where no condition changes often, at a `share` of
    the points.
    """
    function = program.by_name["rhs"]
    watched = [k for k, op in enumerate(function.ops) if op.name in JUMPING]
    if not watched or len(t) < 8:
        return None
    previous: list[np.ndarray] | None = None
    changes = np.zeros(len(watched))
    for s, state, inputs in zip(t, y, u, strict=True):
        found = values_of(program, "rhs", s, state, p, inputs)
        values = [np.asarray(found[k]) for k in watched]
        if previous is not None:
            # Of the members of a family, the one that changes most will do: any of them.
            changes += [float(np.any(a != b)) for a, b in zip(values, previous, strict=True)]
        previous = values
    most = int(np.argmax(changes))
    if changes[most] < max(1, share * (len(t) - 1)):
        return None
    return equation_of(function, watched[most])
