"""The linear system of all stages of a fully implicit Runge-Kutta step at once.

    (A^-1 x M / h - diag(J_1 ... J_s)) x = b

Its pattern is that of J once a stage, and the states of every stage in every other. Only derivatives need it.
"""

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.solve.base.system import System
from stiffdsl.solve.linear.linear_systems import LinearSolver


class StageSystem:
    """The system for a formula given by the inverse of its matrix A."""

    def __init__(self, system: System, A_inverse: np.ndarray):
        self.system, self.stages = system, len(A_inverse)
        n, s = system.size, self.stages
        states = np.flatnonzero(system.mass)
        blocks = np.arange(s)[:, None] * n
        i, j = (k.ravel() for k in np.indices((s, s)))
        own_row, own_column = (blocks + system.rows).ravel(), (blocks + system.columns).ravel()
        far_row = (i[:, None] * n + states).ravel()
        far_column = (j[:, None] * n + states).ravel()
        size = s * n
        entries = np.concatenate([own_row * size + own_column, far_row * size + far_column])
        unique, place = np.unique(entries, return_inverse=True)
        self.count = len(unique)
        self.own, self.far = place[: len(own_row)], place[len(own_row) :]
        self.coupling = np.repeat(A_inverse[i, j], len(states))
        self.linear = LinearSolver(unique // size, unique % size, np.tile(system.mass, s))

    def solve(self, times, values, h, args, b):
        """x (s, n) for the Jacobians at `values` (s, n) and b (s, n)."""
        jacobians = jax.lax.map(lambda at: self.system.jacobian(at[0], at[1], args), (times, values))
        entries = jnp.zeros(self.count).at[self.own].set(jacobians.reshape(-1))
        entries = entries.at[self.far].add(-self.coupling / h)
        factors = self.linear.factor(entries, jnp.zeros(()))
        return self.linear.solve(factors, b.reshape(-1)).reshape(b.shape)
