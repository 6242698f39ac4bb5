"""LU with row pivoting of small or dense systems `(alpha M - J) x = b`: in scalars, in loops, by LAPACK."""

import jax.numpy as jnp
import numpy as np
from jax import lax


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


class LoopedLU:
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
