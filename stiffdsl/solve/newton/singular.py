"""Points where a derivative of the equations is not finite, and how steps get off them.

The slope of a square root at zero is infinite, that of `sqrt(max(x, 0))` below zero is 0/0 as it is written: factors
made of such values would hold an unknown where it is, or say nothing. No step is made with them. Instead the same step
is tried in other *modes*, one after the other: with the Jacobian of a point that is a small share of the tolerated
error away, up, down, and every unknown its own way; with zero for entries that are not finite, as if the method were
explicit in them; and, where the equations themselves are not finite, from a state that is moved by the tolerated error.
The error estimate judges what comes out. Modes cost nothing where everything is finite.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

NORMAL, ZERO, MODES = 0, 4, 8
# By mode: shares of the tolerated error by which the Jacobian's point, and the state, move; and their signs, where zero
# means that every unknown has its own.
POINTS = (0.0, 0.01, 0.01, 0.01, 0.0, 0.0, 0.0, 0.0)
STATES = (0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
SIGNS = (1.0, 1.0, -1.0, 0.0, 1.0, 1.0, -1.0, 0.0)
# The shift where the tolerated error is zero.
TINY = 1e-100
# Rejections in a row after which another mode is tried, though this one started from finite values.
PATIENCE = 8
# Multiplicative hashing (Knuth): sizes and signs that differ between unknowns.
HASH, WORD = 2654435761, 0xFFFFFFFF


def pattern(count: int) -> tuple[np.ndarray, np.ndarray]:
    """By unknown: how far it moves, from a half to one, and its own sign."""
    hashed = (np.arange(1, count + 1, dtype=np.int64) * HASH) & WORD
    return 0.5 + (hashed >> 20) / 8192.0, 1.0 - 2.0 * ((hashed >> 10) & 1)


def _moved(y: Any, mode: Any, tolerated: Any, shares: tuple[float, ...]) -> Any:
    size, own = pattern(y.shape[0])
    sign = jnp.asarray(SIGNS)[mode]
    shift = jnp.asarray(shares)[mode] * (tolerated + TINY) * size * jnp.where(sign == 0, own, sign)
    return y + lax.stop_gradient(shift)


def state(y: Any, mode: Any, tolerated: Any) -> Any:
    """The state that an attempt in this mode starts from; its derivatives are those of y."""
    return _moved(y, mode, tolerated, STATES)


def point(y: Any, mode: Any, tolerated: Any) -> Any:
    """The point at which an attempt in this mode evaluates the Jacobian."""
    return _moved(y, mode, tolerated, POINTS)


def usable(values: Any, mode: Any) -> Any:
    """Values of the Jacobian for an attempt in this mode."""
    return jnp.where((mode >= ZERO) & ~jnp.isfinite(values), 0.0, values)


def following(mode: Any, accept: Any, sound: Any, rejections: Any) -> Any:
    """The mode of the next attempt. `sound`: the values that this one began with were finite as they are written."""
    # After the last mode the others come again, with shorter steps.
    further = jnp.where(mode == MODES - 1, NORMAL + 1, mode + 1)
    impatient = (mode > NORMAL) & (rejections % PATIENCE == PATIENCE - 1)
    rejected = jnp.where(impatient | ~sound, further, mode)
    # Slopes that cannot be had on one side of a point are looked for again when they can be.
    accepted = jnp.where((mode == ZERO) & ~sound, ZERO, NORMAL)
    return jnp.where(accept, accepted, rejected).astype(jnp.int32)


def start() -> Any:
    """The mode of the first attempt."""
    return jnp.zeros((), dtype=jnp.int32)
