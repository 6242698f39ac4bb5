"""Quality of the dense output of algebraic unknowns inside of a step.

Their errors are held where steps end. In between they follow the states by their own equations: an unknown that no
state feels may go through a bend there that no estimate sees (`a = tanh(tan(x))` while x moves on a straight line). The
polynomial of the dense output knows: where it does not do for an unknown, coefficients of its highest powers are large.
They are where it does, too, so in such a step the equations are looked at where they hold least, away from the stages;
a step that misses them there is made again, shorter. All other steps stay as they are.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.dense_output import interpolate
from stiffdsl.solve.base.method import Attempt, Tolerance, scale

# A coefficient that is suspicious, in tolerances: a hundred times the error in between, at the least.
SUSPICIOUS = 700.0
# Residuals may be those of so many tolerances of the unknowns; after so many rejections in a row they are let be.
LIMIT, PATIENCE = 20.0, 6
# Where the equations are looked at, in parts of the step.
PLACES = (0.3, 0.7)


def coefficients(method: Any, system: Any) -> int:
    """The number of coefficients of the highest powers that are looked at; zero where dense output serves for all
    unknowns: without algebraic equations that are curved, and for methods whose polynomials run through earlier
    values."""
    return getattr(method, "rough_rows", 0) if getattr(system, "curved", False) else 0


def error_between(
    count: int, system: Any, attempt: Attempt, t, y, h, args: Any, tolerance: Tolerance, rejections: Any
) -> Any:
    """The error of an attempt, also by what its dense output misses; as it is where that is little."""
    fixed = lax.stop_gradient((attempt.error, attempt.y, attempt.K, t, y, h, args, tolerance))
    error, y1, K, t, y, h, args, tolerance = fixed
    unknowns = np.flatnonzero(np.asarray(system.mass) == 0)
    size = jnp.broadcast_to(scale(y, y1, tolerance), y.shape)
    largest = jnp.max(jnp.abs(K[-count:, unknowns]) / size[unknowns])
    asked = (largest > SUSPICIOUS) & (error <= 1.0) & (rejections < PATIENCE) & (h != 0)

    def missed():
        left = [
            _left(system, unknowns, t + c * h, interpolate(y, y1, K, jnp.asarray(c)), args, size)
            for c in PLACES
        ]
        most = jnp.max(jnp.stack(left)) / LIMIT
        return jnp.where(most > 1.0, most, error)

    return lax.cond(asked, missed, lambda: error)


def _left(system: Any, unknowns: np.ndarray, t, y, args, size) -> Any:
    """The largest residual of the algebraic equations, in what tolerated errors of the unknowns make of it."""
    rows, columns = np.asarray(system.rows), np.asarray(system.columns)
    terms = jnp.abs(system.jacobian(t, y, args)) * size[columns]
    allowed = jnp.zeros_like(size).at[rows].add(terms)[unknowns]
    residual = jnp.abs(system.rhs(t, y, args))[unknowns]
    # Where nothing is a number, nothing is known.
    return jnp.max(jnp.where(residual > 0, residual / allowed, 0.0), initial=0.0)
