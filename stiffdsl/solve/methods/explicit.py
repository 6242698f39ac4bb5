"""Explicit Runge-Kutta methods, for problems that are not stiff: what a tableau says (`explicit_tableau.py`)."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, Work, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.stiffness import require_explicit
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate.branches import has_branches
from stiffdsl.solve.linear.linear_systems import WRITTEN_OUT
from stiffdsl.solve.methods.explicit_tableau import ExplicitTableau


class Explicit:
    """A method given by its tableau, for one system without algebraic equations. Raises `ValueError` for one that has
    some."""

    damps_nothing = True

    def __init__(self, tableau: ExplicitTableau, system: System):
        require_explicit(system, tableau.name)
        self.tableau, self.system, self.norm = tableau, system, ErrorNorm(system)
        self.name, self.order, self.rows = tableau.name, tableau.order, len(tableau.K_matrix)

    def start(self, t, y, h, args, tolerance: Tolerance) -> Any:
        """The memory is the derivative at the start of the step."""
        del h, tolerance
        return self.system.rhs(t, y, args)

    def attempt(self, memory: Any, t, y, h, args, tolerance: Tolerance) -> Attempt:
        k = self.stages(memory, t, y, h, args)
        return self.finished(k, t, y, h, args, tolerance)._replace(memory=(memory, k[-1]))

    def finished(self, k, t, y, h, args, tolerance: Tolerance) -> Attempt:
        """The attempt with stages k, without a memory."""
        tableau, last = self.tableau, self.tableau.stages - 1
        matrix = tableau.a_matrix[: last + 1, : last + 1]
        y1 = y + h * (matrix[last] @ k)
        scaled = self.norm.scaled(h * (np.array(tableau.e) @ k), scale(y, y1, tolerance))
        error = self.norm(scaled)
        status = jnp.where(jnp.isfinite(error), Status.SUCCESS, Status.NON_FINITE).astype(jnp.int32)
        arguments = None
        if has_branches(self.system):
            arguments = (jnp.asarray(tableau.c[: last + 1]), y + h * (matrix @ k))
        K = h * (tableau.K_matrix @ self._more(k, t, y, h, args))
        work = Work(len(tableau.c) - 1, 0, 0)
        return Attempt(y1, scaled, error, status, K, (), work, arguments)

    def stages(self, first, t, y, h, args):
        """The derivatives that make the step as rows, given the first."""
        return self._from(first[None], self.tableau.stages, t, y, h, args)

    def _more(self, k, t, y, h, args):
        """With those of dense output: of no use, and left out by XLA, where no value is saved."""
        return self._from(k, len(self.tableau.c), t, y, h, args)

    def _from(self, k, count: int, t, y, h, args):
        tableau, begun = self.tableau, len(k)
        if begun == count:
            return k
        if self.system.size <= WRITTEN_OUT:
            stages = list(k)
            for i in range(begun, count):
                increment = sum(a * k for a, k in zip(tableau.a[i], stages, strict=False))
                stages.append(self.system.rhs(t + tableau.c[i] * h, y + h * increment, args))
            return jnp.stack(stages)
        # A loop, so that JAX traces a large model once and not once a stage.
        a, c = jnp.asarray(tableau.a_matrix[:count, :count]), jnp.asarray(tableau.c)

        def stage(i, k):
            return k.at[i].set(self.system.rhs(t + c[i] * h, y + h * (a[i] @ k), args))

        start = jnp.zeros((count, self.system.size)).at[:begun].set(k)
        return lax.fori_loop(begun, count, stage, start)

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        del t, y, h
        before, after = attempt.memory
        factor = control.factor(accept, attempt.error, previous_error, rejections, self.order, cut)
        return jnp.where(accept, after, before), factor
