"""The residual that a converged iteration may leave where slopes jump.

An iteration counts as converged by its last correction. By the slopes of the wrong side of a kink that correction is
small whatever is left over: on an ideal diode that should not conduct, 1 A is 1e-5 V by the slope of one that does.
So in systems with kinks what is left over is compared with what tolerated errors of the unknowns would leave, by the
slopes where the iteration ended.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from stiffdsl.solve.base.error_norm import counted
from stiffdsl.solve.base.system import Args, System

# So many times what the iteration may leave: that is a mean over the unknowns, this holds row by row.
SLACK = 4.0
ROUNDING = 4 * 2.0**-52


def has_kinks(system: System) -> bool:
    """Whether a system says that algebraic equations have kinks."""
    return bool(getattr(system, "kinked", False))


def holds(system: System, residual: Any, t, y, alpha, args: Args, tolerated) -> Any:
    """Whether the residual of `alpha M y = f` is what unknowns off by `tolerated`, and rounding, would leave."""
    jacobian = system.jacobian(t, y, args)
    off = SLACK * np.sqrt(system.size) * tolerated + ROUNDING * jnp.abs(y)
    allowed = jnp.abs(alpha) * np.asarray(system.mass, dtype=float) * off
    allowed = allowed.at[np.asarray(system.rows)].add(jnp.abs(jacobian) * off[np.asarray(system.columns)])
    return jnp.all(~(jnp.abs(residual) > allowed) | ~_judged(system))


def _judged(system: System) -> np.ndarray:
    """Mask of the equations all of whose unknowns have a tolerance."""
    mask, rows = counted(system), np.asarray(system.rows)
    judged = mask | (np.asarray(system.mass) == 0)
    judged[rows[~mask[np.asarray(system.columns)]]] = False
    return judged
