"""The system that solvers integrate: `M y' = f(t, y, args)`, and nothing of the model it came from.

`args` is any pytree (parameters, inputs): it passes through the solvers untouched and is what derivatives
of a solution are taken with respect to. `M` is diagonal: one for a state, zero for an algebraic row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Array, Float


Args = Any


class System(Protocol):
    """`M y' = f(t, y, args)` with the analytic Jacobian of f as values on a fixed pattern.

    `rows` and `columns` (NumPy int arrays, row-major order, no duplicates) are the structural nonzeros;
    `jacobian` returns one value for each. `mass` is a NumPy vector of zeros and ones.
    `time_dependent` is False where f has no explicit time (then f_t is not computed). A system may have
    `counted` (NumPy bool), a mask of the unknowns whose errors steer the steps; at least one.
    """

    @property
    def size(self) -> int: ...
    @property
    def mass(self) -> np.ndarray: ...
    @property
    def rows(self) -> np.ndarray: ...
    @property
    def columns(self) -> np.ndarray: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def time_dependent(self) -> bool: ...
    def rhs(self, t: Float[Array, ""], y: Float[Array, " n"], args: Args) -> Float[Array, " n"]: ...
    def jacobian(self, t: Float[Array, ""], y: Float[Array, " n"], args: Args) -> Float[Array, " nnz"]: ...


class SwitchingSystem(System, Protocol):
    """A system with conditions that change on the way: `relations` says what each is, and then what it compares with
    zero; `held` is `rhs` with each as `m` says. An entry that may rise by `relation_rises` is another where it does;
    where that is zero, any change counts."""

    relation_rises: np.ndarray

    def relations(self, t, y, args: Args) -> Float[Array, " r"]: ...
    def held(self, t, y, args: Args, m: Float[Array, " r"]) -> Float[Array, " n"]: ...


class FunctionSystem:
    """A user's own `rhs(t, y, args)` as a `System`: dense, with its Jacobian by forward differentiation.

    What the function depends on and shall be differentiated belongs into `args`.
    """

    def __init__(
        self,
        function: Callable[[Any, Any, Args], Any],
        size: int,
        mass: Any = None,
        names: Sequence[str] | None = None,
        time_dependent: bool = True,
        counted: Any = None,
    ):
        self.function = function
        self.size = size
        self.counted = np.ones(size, dtype=bool) if counted is None else np.asarray(counted, dtype=bool)
        self.mass = np.ones(size) if mass is None else np.asarray(mass, dtype=float)
        self.names = tuple(names) if names is not None else tuple(f"y[{i + 1}]" for i in range(size))
        self.time_dependent = time_dependent

    @property
    def rows(self) -> np.ndarray:
        return np.repeat(np.arange(self.size), self.size)

    @property
    def columns(self) -> np.ndarray:
        return np.tile(np.arange(self.size), self.size)

    def rhs(self, t, y, args):
        return jnp.asarray(self.function(t, y, args))

    def jacobian(self, t, y, args):
        return jax.jacfwd(lambda x: self.rhs(t, x, args))(y).reshape(-1)
