"""Sparse systems of any size, with their Jacobians by hand."""

from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp


@dataclass(eq=False)
class Diffusion:
    """`y' = a D y + b y (1 - y)`, D the second difference on a chain of n, and an algebraic sum of the ends."""

    size: int

    def __post_init__(self):
        n = self.size - 1
        chain = np.arange(n)
        self.mass = np.r_[np.ones(n), 0.0]
        rows = np.concatenate([chain, chain[1:], chain[:-1], [n, n, n]])
        columns = np.concatenate([chain, chain[:-1], chain[1:], [0, n - 1, n]])
        self.order = np.lexsort((columns, rows))
        self.rows, self.columns = rows[self.order], columns[self.order]
        self.names = tuple(f"y[{i + 1}]" for i in range(self.size))
        self.time_dependent = False

    def rhs(self, t, y, args):
        a, b = args
        y, end = y[:-1], y[-1]
        inner = jnp.concatenate([y[:1], y, y[-1:]])
        slope = a * (inner[:-2] - 2 * y + inner[2:]) + b * y * (1 - y)
        return jnp.append(slope, y[0] + y[-1] - end)

    def jacobian(self, t, y, args):
        a, b = args
        y, n = y[:-1], self.size - 1
        ends = np.zeros(n)
        ends[[0, -1]] = 1.0
        diagonal = a * (ends - 2.0) + b * (1 - 2 * y)
        side = jnp.full(n - 1, 1.0) * a
        return jnp.concatenate([diagonal, side, side, jnp.array([1.0, 1.0, -1.0])])[self.order]


@dataclass(eq=False)
class Brusselator:
    """The Brusselator with diffusion on a periodic n x n grid (without the source that jumps)."""

    side: int

    def __post_init__(self):
        n = self.side
        self.size = 2 * n * n
        self.mass = np.ones(self.size)
        self.names = tuple(f"y[{i + 1}]" for i in range(self.size))
        self.time_dependent = False
        eye, shift = sp.eye(n), sp.eye(n, k=1) + sp.eye(n, k=1 - n) + sp.eye(n, k=-1) + sp.eye(n, k=n - 1)
        laplace = (sp.kron(eye, shift) + sp.kron(shift, eye) - 4 * sp.eye(n * n)) * (10.0 * (n - 1) ** 2)
        pattern = sp.csr_array(sp.kron(sp.eye(2), abs(laplace)) + sp.kron(np.ones((2, 2)), sp.eye(n * n)))
        pattern.sort_indices()
        self.rows, self.columns = pattern.tocoo().coords
        self.diffusion = np.asarray(
            sp.csr_array(sp.kron(sp.eye(2), laplace))[self.rows, self.columns]
        ).ravel()
        self.cell = self.rows % (n * n)
        self.kind = 2 * (self.rows // (n * n)) + self.columns // (n * n)
        self.local = self.columns % (n * n) == self.cell

    @cached_property
    def start(self) -> np.ndarray:
        x = np.linspace(0, 1, self.side)
        u = 22 * (x * (1 - x))[:, None] ** 1.5 * np.ones(self.side)
        return np.concatenate([u.ravel(), (27 / 22 * u.T).ravel()])

    def rhs(self, t, y, args):
        n = self.side
        u, v = y.reshape(2, n, n)
        alpha = 10.0 * (n - 1) ** 2

        def spread(w):
            return alpha * (
                jnp.roll(w, 1, 0) + jnp.roll(w, -1, 0) + jnp.roll(w, 1, 1) + jnp.roll(w, -1, 1) - 4 * w
            )

        du = spread(u) + 1.0 + u * u * v - 4.4 * u
        dv = spread(v) + 3.4 * u - u * u * v
        return jnp.stack([du, dv]).reshape(-1)

    def jacobian(self, t, y, args):
        u, v = y.reshape(2, -1)
        reaction = jnp.stack([2 * u * v - 4.4, u * u, 3.4 - 2 * u * v, -u * u])
        return self.diffusion + jnp.where(self.local, reaction[self.kind, self.cell], 0.0)
