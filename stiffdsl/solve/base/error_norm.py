"""The norm that errors are measured in: the root mean square over the unknowns that a system counts.

Some unknowns have no error of their own to steer by: states that nothing reads, derivatives of what is a state. They
are left out by a mask (`System.counted`), and the mean is over the others; what is not finite is never left out.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np


def counted(system: Any) -> np.ndarray:
    """Mask of the unknowns that count: all, where a system says nothing."""
    return np.asarray(getattr(system, "counted", np.ones(system.size)), dtype=bool)


class ErrorNorm:
    """The norm of one system."""

    def __init__(self, system: Any):
        mask = counted(system)
        self.every = bool(np.all(mask))
        self.weight = mask.astype(float)
        self.part = float(np.mean(mask)) if mask.size else 1.0

    def scaled(self, error: Any, size: Any) -> Any:
        """Errors over what is tolerated; zero for finite ones that do not count. Of a value that is not finite any
        error would be tolerated: then it is NaN."""
        own = error if self.every else self.weight * error
        return own / size + 0.0 * size

    def __call__(self, scaled: Any, axis: int | None = None) -> Any:
        """The norm of scaled errors, over their last axis where there are several along another; zero for a system
        without unknowns, all of whose variables are computed."""
        if not scaled.size:
            return jnp.zeros(())
        mean = jnp.mean(scaled * scaled, axis=axis)
        return jnp.sqrt(mean if self.every else mean / self.part)

    def of(self, error: Any, size: Any) -> Any:
        """The norm of errors over what is tolerated."""
        return self(self.scaled(error, size))
