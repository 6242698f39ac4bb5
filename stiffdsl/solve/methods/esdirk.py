"""ESDIRK methods, given by a tableau (`esdirk_tableau.py`): one matrix for all stages; the first of these is the last
one of the step before."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, Work, leaving, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import System
from stiffdsl.solve.linear.linear_systems import LinearSolver
from stiffdsl.solve.methods.esdirk_tableau import ESDIRKTableau
from stiffdsl.solve.newton import singular
from stiffdsl.solve.newton.corrector import Corrector, CorrectorMemory

# The last iterate may be off by so much of the tolerance, times the corrector's own share.
SHARE = 0.2
# The derivative of an algebraic unknown at the start is taken over this share of the first step.
SMALL = 1e-6


class EsdirkMemory(NamedTuple):
    """The last stage of the step before, what serves to solve the next stages, and their mode (`singular.py`)."""

    first: Any
    prepared: CorrectorMemory | None
    mode: Any


class ESDIRK:
    """The method for one system; with `compact` it keeps no Jacobian and no factors from step to step."""

    # Coefficients of dense output that tell of unknowns it does not follow (`between_steps.py`).
    rough_rows = 2

    def __init__(self, tableau: ESDIRKTableau, system: System, compact: bool = False, linear: str = "auto"):
        self.tableau, self.system, self.norm = tableau, system, ErrorNorm(system)
        self.name, self.order, self.rows = tableau.name, tableau.order, len(tableau.K_matrix)
        self.corrector = Corrector(system, not compact, linear)
        self.mass = np.asarray(system.mass, dtype=float)

    @property
    def linear_solvers(self) -> list[LinearSolver]:
        """All that hold factors from one call to the next. Stages are taken back last to first: those at their
        solutions, too, need factors of their own."""
        return [self.corrector.linear, self.corrector.linear_at_solution]

    def start(self, t, y, h, args, tolerance: Tolerance) -> EsdirkMemory:
        del tolerance
        return self.begun(self._first(t, y, h, args))

    def begun(self, slope) -> EsdirkMemory:
        """The memory where the derivative is known."""
        return EsdirkMemory(slope, self.corrector.start(), singular.start())

    def _first(self, t, y, h, args):
        """The derivative of y: that of algebraic unknowns is what keeps their equations, over a very small step."""
        system = self.system
        slope = self.mass * system.rhs(t, y, args)
        if np.all(self.mass == 1):
            return slope
        small = SMALL * jnp.where(h == 0, 1.0, h)
        linear = self.corrector.linear_at_solution
        later = system.rhs(t + small, y + small * slope, args)
        factors = linear.factor(system.jacobian(t, y, args), 1.0 / small)
        move = linear.solve(factors, jnp.where(self.mass == 0, later, 0.0)) / small
        return jnp.where((self.mass == 0) & jnp.isfinite(move), move, slope)

    def attempt(self, memory: EsdirkMemory, t, y, h, args, tolerance: Tolerance) -> Attempt:
        # A finished lane of a batch tries steps of no length.
        h = jnp.where(h == 0, 1e-30, h)
        tableau, gamma, last = self.tableau, self.tableau.gamma, self.tableau.stages - 1
        alpha = 1.0 / (h * gamma)
        tolerated = SHARE * scale(y, y, tolerance)
        lower, guess, c = (jnp.asarray(x) for x in (tableau.lower, tableau.guess_matrix, tableau.c))
        guessed = jnp.asarray([len(row) > 0 for row in tableau.guess])

        def stage(i, carry):
            k, _, value, prepared, status, noise, sound, work = carry
            base = y + h * (lower[i] @ k)
            predicted = jnp.where(guessed[i], base + h * gamma * (guess[i] @ k), value)
            solved = self.corrector.solve(
                prepared,
                t + c[i] * h,
                predicted,
                alpha * (predicted - base),
                alpha,
                leaving(tolerated, SHARE * predicted, tolerance),
                args,
                memory.mode,
            )
            k = k.at[i].set(alpha * (solved.y - base))
            status = jnp.where(status == Status.SUCCESS, solved.status, status)
            total = jnp.maximum(noise, solved.noise)
            work = Work(*(a + jnp.asarray(b, jnp.int32) for a, b in zip(work, solved.work, strict=True)))
            return k, value, solved.y, solved.prepared, status, total, sound & solved.sound, work

        zero = jnp.zeros((), dtype=jnp.int32)
        k = jnp.zeros((last + 1, self.system.size)).at[0].set(memory.first)
        noise = jnp.zeros(self.system.size if self.corrector.algebraic.any() else ())
        yes = jnp.ones((), dtype=bool)
        start = (k, y, y, memory.prepared, zero, noise, yes, Work(zero, zero, zero, zero, zero))
        k, before, y1, prepared, status, noise, sound, work = lax.fori_loop(1, last + 1, stage, start)
        error = y1 - before if tableau.e is None else h * (jnp.asarray(tableau.e) @ k)
        scaled = self.norm.scaled(error, scale(y, y1, tolerance) + noise)
        error = jnp.where(status == Status.SUCCESS, self.norm(scaled), jnp.inf)
        K = h * (jnp.asarray(tableau.K_matrix) @ k)
        after = EsdirkMemory(k[-1], prepared, memory.mode)
        return Attempt(y1, scaled, error, status, K, (memory.first, after, sound), work)

    def renewed(self, memory: EsdirkMemory) -> EsdirkMemory:
        """The memory where the Jacobian has changed."""
        return memory._replace(prepared=self.corrector.renewed(memory.prepared))

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        del t, y, h
        before, after, sound = attempt.memory
        mode = singular.following(after.mode, accept, sound, rejections)
        rejections = jnp.where(after.mode == singular.NORMAL, rejections, 0)
        factor = control.factor(accept, attempt.error, previous_error, rejections, self.order, cut)
        # Another mode tries the same step.
        factor = jnp.where(~accept & (mode != after.mode), 1.0, factor)
        prepared = self.corrector.older(after.prepared, accept)
        return EsdirkMemory(jnp.where(accept, after.first, before), prepared, mode), factor
