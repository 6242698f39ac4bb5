"""The state that a run begins with: start values are kept, everything free is solved for, the rest is checked.

The damped Newton method works on the algebraic rows together with the `initial` equations (Brown, Hindmarsh, Petzold,
Consistent initial condition calculation for differential-algebraic systems, SIAM J. Sci. Comput. 19, 1998, take the
same view of the problem).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from stiffdsl.flat.model import Family
from stiffdsl.program.program import Program
from stiffdsl.runtime.given import Overrides
from stiffdsl.runtime.system import Args, ModelSystem
from stiffdsl.solve.newton import newton

# What was left over (a start value of something that is computed) must hold to this accuracy.
CHECK = 1e-6


class Started(NamedTuple):
    """The state, whether the free entries were found, and the entries with the largest residual."""

    y: Any
    converged: Any
    worst: Any
    start: Any


def first_guess(program: Program, functions: Any, p: Any, u: Any, t: Any, initial: Overrides, xp: Any) -> Any:
    """Start values by variable, and y before anything is solved: given values, then starts, guesses, zero."""
    system = program.system
    start, guess = functions.start(p, u, t), functions.guess(p, u, t)
    variables = np.r_[system.states, system.implicit]
    of_variable = np.r_[np.ones(len(system.states), dtype=bool), ~system.implicit_is_der]

    def entries(by_variable):
        return xp.where(of_variable, by_variable[variables], xp.nan)

    start_y, guess_y = entries(start), entries(guess)
    y = xp.where(xp.isnan(start_y), xp.where(xp.isnan(guess_y), 0.0, guess_y), start_y)
    return start, xp.where(initial.mask, initial.values, y)


def consistent(program: Program, system: ModelSystem, t: Any, y: Any, args: Args, start: Any) -> Started:
    """Solves for the free entries of y; differentiable in y, args and start."""
    free = program.system.initial.free

    def full(x, context):
        return context[0].at[free].set(x)

    def residual(x, context):
        return system.initial_residual(t, full(x, context), context[1], context[2])

    def jacobian(x, context):
        return system.initial_jacobian(t, full(x, context), context[1], context[2])

    context = (y, args, start)
    found = newton(residual, jacobian, program.initial_rows, program.initial_columns, y[free], context)
    return Started(full(found.x, context), found.converged, jnp.asarray(free)[found.worst], start)


def broken(
    families: Sequence[Family], orders: Sequence[int], residual: np.ndarray, y: np.ndarray
) -> list[str]:
    """Which of `families`, differentiated `orders` times, y contradicts, in the words of the model."""
    scale = CHECK * (1.0 + float(np.max(np.abs(y), initial=0.0)))
    off = np.flatnonzero(~(np.abs(residual) <= scale))
    told, first = [], 0
    for family, order in zip(families, orders, strict=True):
        for k in off[(off >= first) & (off < first + family.size)][:3]:
            span = family.origin_of(int(k) - first)
            text = span.source.line(span.line).strip()
            what = "the derivative of " * order + f"`{text}` (line {span.line})"
            told.append(f"{what} is off by {residual[k]:.3g}")
        first += family.size
    return told[:3]
