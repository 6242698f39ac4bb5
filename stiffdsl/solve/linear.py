"""The linear systems of implicit steps, `(alpha M - J) x = b`, by the size and density of J.

- up to four unknowns: an inverse written out in scalars, which XLA fuses into one kernel;
- up to a few hundred, or dense: LAPACK's LU with partial pivoting;
- large and sparse: KLU (Davis and Palamadai Natarajan, ACM TOMS 37:36, 2010) through `klujax`. The pattern is analysed
  once; a step refactors in place with the pivots of the analysis, and every first solve is checked: where those pivots
  lose accuracy, the step is solved with fresh pivots instead.
"""

import warnings
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from stiffdsl.solve.system import System

WRITTEN_OUT = 4
DENSE = 150
DENSE_LARGE = 600
DENSITY = 0.25
# A solve whose residual is above this share of its terms used bad pivots.
BAD_PIVOTS = 1e-9


class LinearSolver(Protocol):
    """`factor` prepares `alpha M - J`; `solve` may be called many times with what it returns."""

    def initial(self) -> Any: ...
    def factor(self, jacobian: Float[Array, " nnz"], alpha: Float[Array, ""], previous: Any) -> Any: ...
    def solve(self, factors: Any, b: Float[Array, " n"]) -> Float[Array, " n"]: ...


def linear_solver(system: System) -> LinearSolver:
    """The solver that suits the size and density of the Jacobian."""
    n = system.size
    if n <= WRITTEN_OUT:
        return Inverse(system)
    density = len(system.rows) / max(1, n * n)
    if n <= DENSE or (n <= DENSE_LARGE and density > DENSITY) or density > 0.6:
        return Dense(system)
    return Sparse(system)


class Inverse:
    """Gauss-Jordan elimination with row pivoting, in scalars."""

    def __init__(self, system: System):
        self.n = system.size
        self.mass = np.asarray(system.mass, dtype=float)
        self.place = {(int(i), int(j)): k for k, (i, j) in enumerate(zip(system.rows, system.columns, strict=True))}

    def initial(self) -> Any:
        return jnp.zeros((self.n, self.n))

    def factor(self, jacobian, alpha, previous):
        del previous
        n = self.n
        zero = jnp.zeros(())
        a = [[zero] * n for _ in range(n)]
        for (i, j), k in self.place.items():
            a[i][j] = -jacobian[k]
        for i in range(n):
            if self.mass[i]:
                a[i][i] = a[i][i] + alpha * self.mass[i]
        b = [[jnp.ones(()) if i == j else zero for j in range(n)] for i in range(n)]
        for k in range(n):
            for i in range(k + 1, n):
                swap = jnp.abs(a[i][k]) > jnp.abs(a[k][k])
                for row in (a, b):
                    row[k], row[i] = (
                        [jnp.where(swap, x, y) for x, y in zip(row[i], row[k], strict=True)],
                        [jnp.where(swap, y, x) for x, y in zip(row[i], row[k], strict=True)],
                    )
            pivot = 1.0 / a[k][k]
            a[k] = [x * pivot for x in a[k]]
            b[k] = [x * pivot for x in b[k]]
            for i in range(n):
                if i != k:
                    factor = a[i][k]
                    a[i] = [x - factor * y for x, y in zip(a[i], a[k], strict=True)]
                    b[i] = [x - factor * y for x, y in zip(b[i], b[k], strict=True)]
        return jnp.stack([jnp.stack(row) for row in b])

    def solve(self, factors, b):
        rows = [sum(factors[i, j] * b[j] for j in range(self.n)) for i in range(self.n)]
        return jnp.stack(rows)


class Dense:
    """LAPACK."""

    def __init__(self, system: System):
        self.n = system.size
        self.mass = np.asarray(system.mass, dtype=float)
        self.rows, self.columns = np.asarray(system.rows), np.asarray(system.columns)

    def initial(self) -> Any:
        return jnp.zeros((self.n, self.n)), jnp.zeros(self.n, dtype=jnp.int32)

    def factor(self, jacobian, alpha, previous):
        del previous
        w = jnp.zeros((self.n, self.n)).at[self.rows, self.columns].set(-jacobian)
        diagonal = np.arange(self.n)
        w = w.at[diagonal, diagonal].add(alpha * self.mass)
        return jax.scipy.linalg.lu_factor(w)

    def solve(self, factors, b):
        return jax.scipy.linalg.lu_solve(factors, b)


class Sparse:
    """KLU. Factors are the values of W and whether the pivots of the analysis are to be trusted."""

    def __init__(self, system: System):
        self.n = n = system.size
        rows, columns = np.asarray(system.rows), np.asarray(system.columns)
        mass = np.asarray(system.mass, dtype=float)
        diagonal = np.flatnonzero(mass)
        entries = np.unique(np.concatenate([rows * n + columns, diagonal * n + diagonal]))
        self.row, self.column = (entries // n).astype(np.int32), (entries % n).astype(np.int32)
        self.count = len(entries)
        self.place = np.searchsorted(entries, rows * n + columns)
        self.diagonal = np.searchsorted(entries, diagonal * n + diagonal)
        self.mass = mass[diagonal]
        self._handles: tuple[Any, Any] | None = None

    @property
    def handles(self) -> tuple[Any, Any]:
        """The analysis, and storage for the factors, made with values that prefer pivots on the diagonal."""
        if self._handles is None:
            import klujax

            values = np.random.default_rng(0).uniform(0.5, 1.0, self.count)
            values[self.row == self.column] = 100.0
            with jax.ensure_compile_time_eval(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows, columns = jnp.asarray(self.row), jnp.asarray(self.column)
                symbolic = klujax.analyze(rows, columns, self.n)
                self._handles = symbolic, klujax.factor(rows, columns, jnp.asarray(values), symbolic)
        return self._handles

    def initial(self) -> Any:
        return jnp.zeros(self.count), jnp.zeros((), dtype=bool), jnp.zeros((), dtype=bool)

    def factor(self, jacobian, alpha, previous):
        """Marks the values as new; the first solve refactors."""
        del previous
        w = jnp.zeros(self.count).at[self.place].set(-jacobian)
        w = w.at[self.diagonal].add(alpha * self.mass)
        import klujax

        symbolic, numeric = self.handles
        probe = jnp.ones(self.n)
        x, _ = klujax.refactor_and_solve(self.row, self.column, w, probe, numeric, symbolic)
        product = w * x[self.column]
        residual = jnp.zeros(self.n).at[self.row].add(product) - probe
        scale = jnp.zeros(self.n).at[self.row].add(jnp.abs(product)) + 1.0
        trusted = jnp.max(jnp.abs(residual) / scale) < BAD_PIVOTS
        # `x` is a term of the flag, so that every later solve waits for the factors it needs.
        return w, trusted, jnp.isfinite(jnp.sum(x))

    def solve(self, factors, b):
        import klujax

        w, trusted, finite = factors
        symbolic, numeric = self.handles
        b = jnp.where(finite | True, b, b)

        def quick(b):
            return klujax.solve_with_numeric(numeric, b, symbolic)

        def careful(b):
            return klujax.solve_with_symbol(self.row, self.column, w, b, symbolic)

        return jax.lax.cond(trusted, quick, careful, b)
