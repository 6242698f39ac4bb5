"""A consistent state at the initial time: start values are kept, everything free is solved for.

The damped Newton method works on the algebraic rows together with the `initial` equations
(Brown, Hindmarsh, Petzold, Consistent initial condition calculation for differential-algebraic systems,
SIAM J. Sci. Comput. 19, 1998, take the same view of the problem).
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from stiffdsl.solve.newton import newton

# A condition that was left over (a start value of something that is computed) must hold to this accuracy.
CHECK_RTOL = 1e-6


def first_guess(start: Float[Array, " n"], guess: Float[Array, " n"]) -> Float[Array, " n"]:
    """Start values where they are known, then guesses, then zero."""
    return jnp.where(jnp.isnan(start), jnp.where(jnp.isnan(guess), 0.0, guess), start)


def consistent(
    functions: Any, free: np.ndarray, rows: np.ndarray, columns: np.ndarray, y: Float[Array, " n"], args: Any
):
    """Solves for the entries `free` of y. Returns y and Newton's result; differentiable in y and args.

    `rows` and `columns` (positions among the free entries) are the pattern of the initial Jacobian.
    """

    def full(x, y):
        return y.at[free].set(x)

    def residual(x, context):
        y, args = context
        return functions.residual(full(x, y), args)

    def jacobian(x, context):
        y, args = context
        return functions.jacobian(full(x, y), args)

    result = newton(residual, jacobian, rows, columns, y[free], (y, args))
    return full(result.x, y), result
