"""What the control loop knows of a method."""

from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float

from stiffdsl.solve.system import Args


class Work(NamedTuple):
    """What one attempt cost."""

    rhs: Any
    jacobians: Any
    factorizations: Any
    iterations: Any = 0


class Attempt(NamedTuple):
    """A tried step: the new value, its scaled error (1 is the tolerance), the dense output, the method's memory."""

    y: Float[Array, " n"]
    error: Float[Array, ""]
    K: Float[Array, "r n"]
    memory: Any
    work: Work


class Method(Protocol):
    """A one-step or multistep method; its memory is a pytree of fixed shape."""

    name: str
    order: int
    rows: int

    def start(self, t, y, h, args: Args) -> Any: ...
    def attempt(self, memory: Any, t, y, h, args: Args) -> Attempt: ...
    def accepted(self, attempt: Attempt, t, h, previous_error) -> tuple[Any, Any]: ...
    def rejected(self, attempt: Attempt, t, h, count) -> tuple[Any, Any]: ...


def scale(y0, y1, rtol: float, atol: float):
    """The size of error that is tolerated, by unknown."""
    return atol + rtol * jnp.maximum(jnp.abs(y0), jnp.abs(y1))


def norm(x: Float[Array, " n"]) -> Float[Array, ""]:
    """The root mean square."""
    return jnp.sqrt(jnp.mean(x * x))
