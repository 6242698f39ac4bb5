"""The linear systems of implicit steps, `(alpha M - J) x = b`, by the size and density of J.

- up to four unknowns: LU written out in scalars, which XLA fuses with what is around it;
- up to some twenty: LU in loops, which XLA compiles in one piece with the loop over the steps;
- up to a few hundred, or dense: LAPACK's LU with partial pivoting (all three: `dense.py`);
- large and sparse: KLU (`sparse.py`), and static pivots level by level where the device has no KLU (`static.py`);
- grids, whose factors fill: GMRES with incomplete factors (`krylov.py`), where a method iterates to the solution.

A solve is differentiated as what it means, not as what it does: factors carry the Jacobian and alpha that they stand
for, and the rules for forward and reverse mode need one more solve with the same factors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.system import System
from stiffdsl.solve.linear.dense import Dense, LoopedLU, WrittenOut
from stiffdsl.solve.linear.krylov import Krylov
from stiffdsl.solve.linear.ordering import estimate
from stiffdsl.solve.linear.sparse import Sparse, Typical, nothing_known
from stiffdsl.solve.linear.static import StaticLU, large_direct

if TYPE_CHECKING:
    from jaxtyping import Array, Float


WRITTEN_OUT = 4
LOOPED = 16
DENSE = 150
DENSE_LARGE = 600
DENSITY = 0.25
# Grids: from this many unknowns on, and where a factorization is estimated to take so many multiplications for each
# entry of the Jacobian, GMRES takes less time than KLU.
GRID, GRID_WORK = 500, 300.0


class Direct(Protocol):
    """A factorization that knows nothing of derivatives; `lu` is any pytree of arrays of fixed shapes."""

    def factor(self, jacobian: Float[Array, " nnz"], alpha: Float[Array, ""]) -> Any: ...
    def solve(self, lu: Any, b: Float[Array, " n"]) -> Float[Array, " n"]: ...
    def solve_transposed(self, lu: Any, b: Float[Array, " n"]) -> Float[Array, " n"]: ...


class Factors(NamedTuple):
    """The matrix `alpha M - J`, and its factors."""

    jacobian: Float[Array, " nnz"]
    alpha: Float[Array, ""]
    lu: Any


class LinearSolver:
    """`factor` prepares `alpha M - J` from the values of J on the pattern of the system; `solve` may be called many
    times with what it returns. Differentiable in b, alpha and the Jacobian, forward and in reverse.

    Where the matrix is singular the solution has values that are not finite.
    """

    def __init__(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        mass: np.ndarray,
        direct: Direct | None = None,
        kind: str = "auto",
        typical: Typical = nothing_known,
    ):
        """`kind` is one of `options.LINEAR`; `auto` takes `direct`, where it is given, or goes by size and density.
        `typical` gives values of J and an alpha that pivots are chosen by, or None."""
        self.rows, self.columns = np.asarray(rows, dtype=np.int32), np.asarray(columns, dtype=np.int32)
        self.mass = np.asarray(mass, dtype=float)
        made = NAMED.get(kind, _direct)
        given = direct if kind == "auto" else None
        self.direct: Direct = given or made(self.rows, self.columns, self.mass)
        exact = self.direct.exact if isinstance(self.direct, Krylov) else self.direct
        if isinstance(exact, Sparse):
            exact.typical = typical

    @property
    def krylov(self) -> Krylov | None:
        """The iterative (Krylov) solver in use; None where a factorization solves."""
        return self.direct if isinstance(self.direct, Krylov) else None

    def factor(self, jacobian: Float[Array, " nnz"], alpha: Float[Array, ""]) -> Factors:
        alpha = jnp.asarray(alpha)
        return Factors(
            jacobian, alpha, self.direct.factor(lax.stop_gradient(jacobian), lax.stop_gradient(alpha))
        )

    def solve(self, factors: Factors, b: Float[Array, " n"]) -> Float[Array, " n"]:
        lu = lax.stop_gradient(factors.lu)
        return lax.custom_linear_solve(
            lambda x: self.multiply(factors.jacobian, factors.alpha, x),
            b,
            solve=lambda _, b: self.direct.solve(lu, b),
            transpose_solve=lambda _, b: self.direct.solve_transposed(lu, b),
        )

    def multiply(self, jacobian, alpha, x: Float[Array, " n"]) -> Float[Array, " n"]:
        """`(alpha M - J) x`."""
        return (alpha * self.mass * x).at[self.rows].add(-jacobian * x[self.columns])


def linear_solver(system: System, kind: str = "auto") -> LinearSolver:
    """The solver for the pattern and the mass matrix of a system, which may bring a factorization of its own."""
    direct, typical = getattr(system, "direct", None), getattr(system, "typical", nothing_known)
    return LinearSolver(system.rows, system.columns, system.mass, direct, kind, typical)


def inexact_kind(system: System, kind: str) -> str:
    """For methods that iterate to the solution of a step: `auto` becomes `krylov` where that takes less time."""
    if kind != "auto" or system.size < GRID or not np.all(system.mass):
        return kind
    work = estimate(np.asarray(system.rows), np.asarray(system.columns), system.size)
    return "krylov" if work > GRID_WORK * len(system.rows) else kind


def _direct(rows: np.ndarray, columns: np.ndarray, mass: np.ndarray) -> Direct:
    n = len(mass)
    density = len(rows) / max(1, n * n)
    if n <= WRITTEN_OUT:
        return WrittenOut(rows, columns, mass)
    if n <= LOOPED:
        return LoopedLU(rows, columns, mass)
    if n <= DENSE or (n <= DENSE_LARGE and density > DENSITY) or density > 0.6:
        return Dense(rows, columns, mass)
    return large_direct(rows, columns, mass)


# Solvers by their names in `options.LINEAR`.
NAMED: dict[str, Any] = {"dense": Dense, "klu": Sparse, "krylov": Krylov, "static": StaticLU}
