"""The linear systems of implicit steps, `(alpha M - J) x = b`, by the size and density of J.

- up to four unknowns: LU written out in scalars, which XLA fuses with what is around it;
- up to some twenty: LU in loops, which XLA compiles in one piece with the loop over the steps;
- up to a few hundred, or dense: LAPACK's LU with partial pivoting;
- large and sparse: KLU (`sparse.py`);
- grids, whose factors fill: GMRES with incomplete factors (`krylov.py`), where a method iterates to the solution.

A solve is differentiated as what it means, not as what it does: factors carry the Jacobian and alpha that they stand
for, and the rules for forward and reverse mode need one more solve with the same factors.
"""

from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from stiffdsl.solve.krylov import Krylov
from stiffdsl.solve.ordering import estimate
from stiffdsl.solve.sparse import Sparse
from stiffdsl.solve.system import System

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
    """What `alpha M - J` is, and its factors."""

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
    ):
        """`kind` is one of `options.LINEAR`; `auto` takes `direct`, where it is given, or goes by size and density."""
        self.rows, self.columns = np.asarray(rows, dtype=np.int32), np.asarray(columns, dtype=np.int32)
        self.mass = np.asarray(mass, dtype=float)
        made = NAMED.get(kind, _direct)
        given = direct if kind == "auto" else None
        self.direct: Direct = given or made(self.rows, self.columns, self.mass)

    @property
    def krylov(self) -> Krylov | None:
        """What solves approximately, where it is no factorization."""
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
    return LinearSolver(system.rows, system.columns, system.mass, getattr(system, "direct", None), kind)


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
        return Looped(rows, columns, mass)
    if n <= DENSE or (n <= DENSE_LARGE and density > DENSITY) or density > 0.6:
        return Dense(rows, columns, mass)
    return Sparse(rows, columns, mass)


class WrittenOut:
    """LU with row pivoting, in scalars: `lu` holds the factors by rows, the inverse pivots, and the swaps made."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray):
        self.n, self.mass = len(mass), mass
        self.place = {(int(i), int(j)): k for k, (i, j) in enumerate(zip(rows, columns, strict=True))}

    def factor(self, jacobian, alpha):
        n = self.n
        a = [
            [-jacobian[self.place[i, j]] if (i, j) in self.place else jnp.zeros(()) for j in range(n)]
            for i in range(n)
        ]
        for i in range(n):
            if self.mass[i]:
                a[i][i] = a[i][i] + alpha * self.mass[i]
        swaps, inverses = [], []
        for k in range(n):
            for i in range(k + 1, n):
                swap = jnp.abs(a[i][k]) > jnp.abs(a[k][k])
                swaps.append(swap)
                a[k], a[i] = _swapped(swap, a[k], a[i])
            inverses.append(1.0 / a[k][k])
            for i in range(k + 1, n):
                a[i][k] = a[i][k] * inverses[k]
                for j in range(k + 1, n):
                    a[i][j] = a[i][j] - a[i][k] * a[k][j]
        return a, inverses, swaps

    def solve(self, lu, b):
        a, inverses, swaps = lu
        n, swaps = self.n, iter(swaps)
        x = [b[i] for i in range(n)]
        order = [(k, i, next(swaps)) for k in range(n) for i in range(k + 1, n)]
        # Multipliers were swapped along with their rows, so all swaps come first.
        for k, i, swap in order:
            x[k], x[i] = jnp.where(swap, x[i], x[k]), jnp.where(swap, x[k], x[i])
        for i in range(n):
            for j in range(i):
                x[i] = x[i] - a[i][j] * x[j]
        for i in reversed(range(n)):
            for j in range(i + 1, n):
                x[i] = x[i] - a[i][j] * x[j]
            x[i] = x[i] * inverses[i]
        return jnp.stack(x) if n else b

    def solve_transposed(self, lu, b):
        a, inverses, swaps = lu
        n, swaps = self.n, iter(swaps)
        x = [b[i] for i in range(n)]
        for i in range(n):
            for j in range(i):
                x[i] = x[i] - a[j][i] * x[j]
            x[i] = x[i] * inverses[i]
        for i in reversed(range(n)):
            for j in range(i + 1, n):
                x[i] = x[i] - a[j][i] * x[j]
        order = [(k, i, next(swaps)) for k in range(n) for i in range(k + 1, n)]
        for k, i, swap in reversed(order):
            x[k], x[i] = jnp.where(swap, x[i], x[k]), jnp.where(swap, x[k], x[i])
        return jnp.stack(x) if n else b


def _swapped(swap, first: list, second: list) -> tuple[list, list]:
    return (
        [jnp.where(swap, y, x) for x, y in zip(first, second, strict=True)],
        [jnp.where(swap, x, y) for x, y in zip(first, second, strict=True)],
    )


class Looped:
    """LU with row pivoting in loops: below this size, starting LAPACK takes longer. XLA compiles it in one piece with
    the loop around it."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray):
        self.n = len(mass)
        self.rows, self.columns = rows, columns
        self.diagonal = np.diag(mass)

    def factor(self, jacobian, alpha):
        n, index = self.n, np.arange(self.n)
        w = (alpha * self.diagonal).at[self.rows, self.columns].add(-jacobian)

        def eliminate(k, carry):
            w, order, inverses = carry
            pivot = jnp.argmax(jnp.where(index >= k, jnp.abs(w[:, k]), -1.0))
            swapped = jnp.where(index == k, pivot, jnp.where(index == pivot, k, index))
            w, order = w[swapped], order[swapped]
            inverse = 1.0 / w[k, k]
            below, right = (index > k)[:, None], index > k
            factors = w[:, k] * inverse
            rest = jnp.where(right, w - factors[:, None] * w[k], jnp.where(index == k, factors[:, None], w))
            return jnp.where(below, rest, w), order, inverses.at[k].set(inverse)

        return lax.fori_loop(0, n, eliminate, (w, jnp.arange(n), jnp.zeros(n)))

    def solve(self, lu, b):
        w, order, inverses = lu
        index = np.arange(self.n)

        def forward(k, x):
            return x - jnp.where(index > k, w[:, k] * x[k], 0.0)

        def backward(i, x):
            k = self.n - 1 - i
            value = x[k] * inverses[k]
            return jnp.where(index == k, value, x - jnp.where(index < k, w[:, k] * value, 0.0))

        x = lax.fori_loop(0, self.n, forward, b[order])
        return lax.fori_loop(0, self.n, backward, x)

    def solve_transposed(self, lu, b):
        w, order, inverses = lu
        index = np.arange(self.n)

        def forward(k, x):
            value = x[k] * inverses[k]
            return jnp.where(index == k, value, x - jnp.where(index > k, w[k] * value, 0.0))

        def backward(i, x):
            k = self.n - 1 - i
            return x - jnp.where(index < k, w[k] * x[k], 0.0)

        x = lax.fori_loop(0, self.n, forward, b)
        return jnp.zeros(self.n).at[order].set(lax.fori_loop(0, self.n, backward, x))


class Dense:
    """LAPACK."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray):
        self.n = len(mass)
        self.rows, self.columns = rows, columns
        self.diagonal = np.diag(mass)

    def factor(self, jacobian, alpha):
        w = (alpha * self.diagonal).at[self.rows, self.columns].add(-jacobian)
        lu, _, permutation = lax.linalg.lu(w)
        return lu, permutation

    def solve(self, lu, b):
        lu, permutation = lu
        x = b[permutation][:, None]
        x = lax.linalg.triangular_solve(lu, x, left_side=True, lower=True, unit_diagonal=True)
        return lax.linalg.triangular_solve(lu, x, left_side=True, lower=False)[:, 0]

    def solve_transposed(self, lu, b):
        lu, permutation = lu
        x = b[:, None]
        x = lax.linalg.triangular_solve(lu, x, left_side=True, lower=False, transpose_a=True)
        x = lax.linalg.triangular_solve(
            lu, x, left_side=True, lower=True, transpose_a=True, unit_diagonal=True
        )
        return jnp.zeros(self.n).at[permutation].set(x[:, 0])


# What the names of `options.LINEAR` mean.
NAMED: dict[str, Any] = {"dense": Dense, "klu": Sparse, "krylov": Krylov}
