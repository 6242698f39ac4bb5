"""The interface of a method to the control loop: it starts, tries a step, and learns what became of it.

The loop (`loop.py`) owns time, step size, acceptance and saving; a method owns its step and its memory. Both are
differentiated as they are written, forward and in reverse, with step sizes held constant. So `attempt` and `advance`
must be differentiable by JAX in both modes with respect to `memory`, `t`, `y`, `h` and `args`: iterate to a solution
inside `lax.custom_root`, and solve linear systems through `linear_map.py`, whose solves carry their own rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax.numpy as jnp

from stiffdsl.solve.base.system import Args

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class Tolerance(NamedTuple):
    """Local errors are held below `atol + rtol*|y|`; `atol` is a scalar or has one entry per unknown, positive and
    finite: unknowns that do not count are left out by a mask (`System.counted`)."""

    rtol: Any
    atol: Any


# The least absolute error that is tolerated: an unknown that is zero and stays so has none.
LEAST_ATOL = 1e-300


class Work(NamedTuple):
    """Work of one attempt: integers, or int32 scalars where it varies."""

    rhs: Any
    jacobians: Any
    factorizations: Any
    iterations: Any = 0
    linear_iterations: Any = 0


class Attempt(NamedTuple):
    """A tried step.

    `scaled` is the local error of every unknown that counts over its tolerance, zero for the others, `error` their
    norm: the step is accepted where `error <= 1`. An attempt that failed has `error` NaN or infinite and a `status`
    (int32, `Status`) other than `SUCCESS` where the reason is known; then `scaled` is largest, or NaN, at the unknowns
    to blame.
    `K` are the rows of the dense output (`dense_output.py`). `arguments`, of a method with stages that are not on it:
    the stages' parts of the step, and their values of y.
    """

    y: Float[Array, " n"]
    scaled: Float[Array, " n"]
    error: Float[Array, ""]
    status: Int[Array, ""]
    K: Float[Array, "r n"]
    memory: Any
    work: Work
    arguments: Any = None


class Method(Protocol):
    """A one-step or multistep method; its memory is a pytree of arrays of fixed shapes.

    `order` is the power of h in the local error estimate; `rows` the number of rows of `K`.
    `h` carries the sign of the direction of integration, and may be any step from one attempt to the next: the loop
    cuts it to end on time.
    """

    @property
    def name(self) -> str: ...
    @property
    def order(self) -> int: ...
    @property
    def rows(self) -> int: ...

    def start(self, t, y, h, args: Args, tolerance: Tolerance) -> Any:
        """The memory before the first step."""
        ...

    def attempt(self, memory: Any, t, y, h, args: Args, tolerance: Tolerance) -> Attempt:
        """Try one step from `y` at `t`."""
        ...

    def advance(
        self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut: Any = 1.0
    ) -> tuple[Any, Any]:
        """The memory for the next attempt and the factor for its step size (positive).

        `accept` (bool) says what became of the attempt from `y` at `t`; `previous_error` is the error of the last
        accepted step before this one, `rejections` how many attempts in a row were rejected before it, `cut` how many
        times longer the step was proposed than it was made, to end at a knot.
        """
        ...


# A method that looks back has `recalled(memory, args, t, h)`, too: the arguments of a step with what it remembers.


def opened(method: Method, memory: Any) -> Any:
    """The memory of a method whose next step is made shorter than it proposed, for methods that have expectations."""
    forget = getattr(method, "opened", None)
    return memory if forget is None else forget(memory)


def is_explicit(method: Method) -> bool:
    """Whether the error of a step shows all that is too fast for it: nothing is damped away."""
    return getattr(method, "damps_nothing", False)


def renewed(method: Method, memory: Any) -> Any:
    """The memory of a method behind a kink: no Jacobian from before it serves any more."""
    forget = getattr(method, "renewed", None)
    return memory if forget is None else forget(memory)


def scale(y0, y1, tolerance: Tolerance):
    """The size of error that is tolerated, by unknown."""
    return tolerance.atol + tolerance.rtol * jnp.maximum(jnp.abs(y0), jnp.abs(y1))


def leaving(size, y, tolerance: Tolerance):
    """`size`, or a share of what is tolerated of y: for what an iteration may leave of an unknown that leaves zero."""
    return jnp.maximum(size, 0.01 * tolerance.rtol * jnp.abs(y))
