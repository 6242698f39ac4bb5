"""The state that a run begins with: start values are kept, everything free is solved for, the rest is checked.

The damped Newton method works on the algebraic rows together with the `initial` equations (Brown, Hindmarsh, Petzold,
Consistent initial condition calculation for differential-algebraic systems, SIAM J. Sci. Comput. 19, 1998, take the
same view of the problem).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from stiffdsl.program.program import Program
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.system import Args, ModelSystem
from stiffdsl.solve.newton.square_systems import newton

# Tolerance of conditions that determine nothing, such as the start value of a computed quantity.
CHECK = 1e-6


class Started(NamedTuple):
    """The state, whether the free entries were found, Newton iterations, the residual, the rows furthest from being
    met, and start values by variable."""

    y: Any
    converged: Any
    iterations: Any
    residual: Any
    worst: Any
    start: Any


class Anchor(NamedTuple):
    """A consistent state, and what it is consistent with."""

    y: Any
    args: Args
    start: Any


def first_guess(program: Program, functions: Any, p: Any, u: Any, t: Any, initial: Overrides, xp: Any) -> Any:
    """Start values by variable, and y before anything is solved: given values, then starts, guesses, zero."""
    start = functions.start(p, u, t)
    if xp is np and program.all_variables:
        # Where every entry has a start value, the rest is not looked at: this is done for every run.
        y = np.asarray(start)[program.unknowns]
        if not np.isnan(y).any():
            return start, np.where(initial.mask, initial.values, y) if initial.given else y
    guess = functions.guess(p, u, t)

    def entries(by_variable):
        return xp.where(program.is_variable, by_variable[program.unknowns], xp.nan)

    start_y, guess_y = entries(start), entries(guess)
    y = xp.where(xp.isnan(start_y), xp.where(xp.isnan(guess_y), 0.0, guess_y), start_y)
    return start, xp.where(initial.mask, initial.values, y)


def consistent(
    program: Program,
    system: ModelSystem,
    t: Any,
    y: Any,
    args: Args,
    start: Any,
    anchor: Anchor | None = None,
    search: Any = None,
) -> Started:
    """Solves for the free entries of y; differentiable in y, args, start and t. `anchor`, `search`: see `newton`."""
    free = program.system.initial.free

    def full(x, context):
        return context[0].at[free].set(x)

    def residual(x, context):
        return system.initial_residual(context[3], full(x, context), context[1], context[2])

    def jacobian(x, context):
        return system.initial_jacobian(context[3], full(x, context), context[1], context[2])

    t = jnp.asarray(t, dtype=float)
    context = (y, args, start, t)
    known = None if anchor is None else (jnp.asarray(anchor.y)[free], (*anchor, t))
    rows, columns = program.initial_rows, program.initial_columns
    found = newton(residual, jacobian, rows, columns, y[free], context, anchor=known, own=search)
    y = full(found.x, context)
    return Started(y, found.converged, found.iterations, found.residual, found.worst, start)


def holds(
    program: Program, system: ModelSystem, t: Any, y: Any, args: Args, start: Any, overridden: bool
) -> Any:
    """Whether y holds what must hold at the start; of values that were `overridden`, only the constraints count."""
    count = program.system
    if overridden:
        off = system.invariants(t, y, args) if count.invariants else jnp.zeros(0)
    else:
        off = system.checks(t, y, args, start) if count.initial.checks else jnp.zeros(0)
    return jnp.all(jnp.abs(off) <= CHECK * (1.0 + jnp.max(jnp.abs(y), initial=0.0)))
