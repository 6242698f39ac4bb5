"""Radau IIA methods of order five and nine, for tight tolerances: fully implicit, L-stable, with dense output.

Simplified Newton iterations in the variables that split the linear system of s n unknowns into one of n and some of 2n
(real pairs for the complex eigenvalues). When to stop, to evaluate and to factor follows RADAU5: Hairer and Wanner,
Solving Ordinary Differential Equations II, section IV.8. Derivatives come from the implicit function theorem on all
stages at once, with their own Jacobians.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.dense_output import rows_at
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, Work, leaving, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate.branches import has_branches
from stiffdsl.solve.linear.linear_systems import Factors, LinearSolver, linear_solver
from stiffdsl.solve.methods.collocation import radau_iia
from stiffdsl.solve.methods.stages import StageSystem
from stiffdsl.solve.newton import singular
from stiffdsl.solve.newton.corrector import rounding
from stiffdsl.solve.newton.kink_residual import has_kinks, holds

EPSILON = 2.220446049250313e-16
# A Jacobian is kept while the iteration contracts faster than this; a step that could grow by less is kept too.
CONTRACTS, WORTHWHILE = 1e-3, 1.2
# Cut after an iteration that did not converge.
CUT = 0.5
# Dense output is corrected by at most so many errors that are tolerated of the step.
CORRECTS = 100.0


class RadauFactors(NamedTuple):
    """The factors for gamma and for the pairs, of steps of size `h`; whether the Jacobian may serve again, and whether
    it was finite; the rounding of algebraic equations (`corrector.CorrectorMemory`)."""

    real: Factors
    pairs: list[Factors]
    h: Any
    keep: Any
    sound: Any
    noise: Any


class RadauMemory(NamedTuple):
    """The polynomial of the last step, `Y - y` by powers of theta, and its size (zero: there was none); the estimate of
    the remaining iterations; what was factored; the mode of the next attempt (`singular.py`)."""

    polynomial: Any
    h: Any
    eta: Any
    prepared: RadauFactors | None
    mode: Any


class RadauResult(NamedTuple):
    """The iteration: stages over y, how it ended; `sound`: it started from finite derivatives."""

    z: Any
    converged: Any
    finite: Any
    eta: Any
    rate: Any
    iterations: Any
    sound: Any


class RadauIIA:
    """The method with three or five stages; with `compact` it keeps no factors from step to step."""

    # Coefficients of dense output that tell of unknowns it does not follow (`between_steps.py`).
    rough_rows = 2

    def __init__(self, stages: int, system: System, compact: bool = False, linear: str = "auto"):
        self.formula = radau_iia(stages)
        self.name, self.rows = f"radau{2 * stages - 1}", stages
        # The error is estimated by a formula of order s.
        self.order = stages + 1
        self.most = 7 + 5 * (stages - 3) // 2
        self.system, self.keep, self.norm = system, not compact, ErrorNorm(system)
        self.mass = np.asarray(system.mass, dtype=float)
        self.states = np.flatnonzero(self.mass)
        self.kinked = has_kinks(system)
        self.real = linear_solver(system, linear)
        self.pairs = [self._pair(linear) for _ in self.formula.alphas]
        self.all_stages = StageSystem(system, self.formula.A_inverse)

    def _pair(self, linear: str) -> LinearSolver:
        """`[[a M - J, b M], [-b M, a M - J]]` in real numbers."""
        system, n, states = self.system, self.system.size, self.states
        rows = np.concatenate([system.rows, system.rows + n, states, states + n])
        columns = np.concatenate([system.columns, system.columns + n, states + n, states])
        return LinearSolver(rows, columns, np.tile(self.mass, 2), kind=linear)

    @property
    def linear_solvers(self) -> list[LinearSolver]:
        """All that hold factors from one call to the next."""
        return [self.real, *self.pairs]

    def start(self, t, y, h, args, tolerance: Tolerance) -> RadauMemory:
        del t, h, args, tolerance
        return self.begun(y)

    def begun(self, slope) -> RadauMemory:
        """The memory where the derivative is known."""
        polynomial = jnp.zeros((self.formula.stages, self.system.size))
        prepared = None
        if self.keep:
            jacobian = jax.ShapeDtypeStruct((len(self.system.rows),), float)
            one = jax.ShapeDtypeStruct((), float)
            mode = jax.ShapeDtypeStruct((), jnp.int32)
            shapes = jax.eval_shape(
                self._factor, jacobian, one, jax.ShapeDtypeStruct(slope.shape, float), mode
            )
            prepared = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        return RadauMemory(polynomial, jnp.zeros(()), jnp.ones(()), prepared, singular.start())

    def _factor(self, jacobian, h, y, mode) -> RadauFactors:
        formula = self.formula
        sound = jnp.all(jnp.isfinite(jacobian))
        jacobian = singular.usable(jacobian, mode)
        real = self.real.factor(jacobian, formula.gamma / h)
        pairs = []
        for linear, a, b in zip(self.pairs, formula.alphas, formula.betas, strict=True):
            beside = jnp.full(len(self.states), b / h)
            pairs.append(linear.factor(jnp.concatenate([jacobian, jacobian, -beside, beside]), a / h))
        no = jnp.zeros((), dtype=bool)
        return RadauFactors(real, pairs, h, no, sound, rounding(self.real, self.system, real, y))

    def attempt(self, memory: RadauMemory, t, y, h, args, tolerance: Tolerance) -> Attempt:
        # A finished lane of a batch tries steps of no length.
        h = jnp.where(h == 0, 1e-30, h)
        y = singular.state(y, memory.mode, scale(y, y, tolerance))
        tolerance = self._inner(tolerance)
        fixed = lax.stop_gradient((memory, t, y, h, args, tolerance))
        prepared, kept, solved, scaled, work = lax.stop_gradient(self._solve(*fixed))
        z = self._implicit(solved.z, (t, y, h, args))
        y1 = y + z[-1]
        error = jnp.where(solved.converged, self.norm(scaled), jnp.inf)
        status = jnp.where(solved.finite, Status.NEWTON, Status.NON_FINITE)
        status = jnp.where(solved.converged, Status.SUCCESS, status).astype(jnp.int32)
        polynomial = lax.stop_gradient(jnp.asarray(self.formula.powers) @ z)
        after = RadauMemory(polynomial, lax.stop_gradient(h), solved.eta, kept, memory.mode)
        memories = (memory, after, solved.rate, solved.sound)
        size = lax.stop_gradient(scale(y, y1, tolerance) + prepared.noise)
        K = self._dense(z, self._off(prepared.real, z, t, y, h, args, size))
        return Attempt(y1, scaled, error, status, K, memories, work)

    def _inner(self, tolerance: Tolerance) -> Tolerance:
        """RADAU's: the estimate belongs to a formula of order s, the step to one of order 2s - 1."""
        s = self.formula.stages
        relative = jnp.where(tolerance.rtol > 0, tolerance.rtol, 1.0)
        share = 0.1 * relative ** ((s + 1) / (2 * s) - 1.0)
        share = jnp.where(tolerance.rtol > 0, share, 1.0)
        return Tolerance(tolerance.rtol * share, tolerance.atol * share)

    def _solve(self, memory: RadauMemory, t, y, h, args, tolerance: Tolerance):
        prepared, evaluated, factored = self._prepare(memory, t, y, h, args, tolerance)
        size = scale(y, y, tolerance) + prepared.noise
        solved = self._newton(prepared, memory, t, y, h, args, size, tolerance)
        size = scale(y, y + solved.z[-1], tolerance) + prepared.noise
        scaled, more = self._error(prepared, solved.z, t, y, h, args, size)
        s = self.formula.stages
        sets = (s + 1) // 2
        work = Work(s * solved.iterations + 3 + more, evaluated, sets * factored, solved.iterations)
        keep = solved.converged & solved.sound & (solved.rate < CONTRACTS)
        kept = prepared._replace(keep=keep) if self.keep else None
        return prepared, kept, solved, scaled, work

    def _prepare(self, memory: RadauMemory, t, y, h, args, tolerance: Tolerance):
        """Factors for this step, and what was done for them."""
        yes = jnp.ones((), dtype=jnp.int32)

        def evaluated():
            return self.system.jacobian(t, singular.point(y, memory.mode, scale(y, y, tolerance)), args)

        if memory.prepared is None:
            return self._factor(evaluated(), h, y, memory.mode), yes, yes
        old = memory.prepared
        serves = old.keep & (old.h == h)

        def new():
            jacobian = lax.cond(old.keep, lambda: old.real.jacobian, evaluated)
            return self._factor(jacobian, h, y, memory.mode)

        prepared = lax.cond(serves, lambda: old, new)
        return prepared, (~old.keep).astype(jnp.int32), (~serves).astype(jnp.int32)

    def _residual(self, z, t, y, h, args):
        """f - M Y' at the stages (s, n)."""
        formula = self.formula
        times = t + jnp.asarray(formula.c) * h
        f = lax.map(lambda at: self.system.rhs(at[0], y + at[1], args), (times, z))
        return f - self.mass * (jnp.asarray(formula.A_inverse) @ z) / h

    def _newton(
        self, prepared: RadauFactors, memory: RadauMemory, t, y, h, args, size, tolerance
    ) -> RadauResult:
        formula, n = self.formula, self.system.size
        relative = jnp.where(tolerance.rtol > 0, tolerance.rtol, 1e-4)
        enough = jnp.maximum(10 * EPSILON / relative, jnp.minimum(0.03, jnp.sqrt(relative)))
        T, T_inverse = jnp.asarray(formula.T), jnp.asarray(formula.T_inverse)
        no = jnp.zeros((), dtype=bool)

        def change(z):
            r = T_inverse @ self._residual(z, t, y, h, args)
            parts = [self.real.solve(prepared.real, r[0])[None]]
            for k, (linear, factors) in enumerate(zip(self.pairs, prepared.pairs, strict=True)):
                w = linear.solve(factors, r[1 + 2 * k : 3 + 2 * k].reshape(2 * n))
                parts.append(w.reshape(2, n))
            return T @ jnp.concatenate(parts)

        def iterate(carry):
            z, count, last, rate, eta, _, _ = carry
            dz = change(z)
            farthest = jnp.max(jnp.abs(y + z + dz), axis=0)
            distance = self.norm.of(dz, leaving(size, farthest, tolerance))
            ratio = distance / last
            rate = jnp.where(count > 1, jnp.sqrt(rate * ratio), jnp.where(count == 1, ratio, rate))
            eta = jnp.where(count > 0, rate / (1.0 - rate), eta)
            ahead = rate ** (self.most - 1 - count) / (1.0 - rate) * distance
            diverged = ~jnp.isfinite(distance) | ((count > 0) & ((rate >= 0.99) | (ahead > enough)))
            converged = ~diverged & ((eta * distance <= enough) | (distance == 0.0))
            return z + dz, count + 1, distance, rate, eta, converged, diverged

        def unfinished(carry):
            _, count, _, _, _, converged, diverged = carry
            return ~converged & ~diverged & (count < self.most)

        zero = jnp.zeros(())
        # Beyond a kink the step before says nothing of this one.
        eta = jnp.ones(()) if has_branches(self.system) else jnp.maximum(memory.eta, EPSILON) ** 0.8
        # Factors of what is not finite would leave the stages where they are.
        begun = (jnp.ones(()), zero, eta, no, ~(prepared.sound | (memory.mode >= singular.ZERO)))
        start = (self._guess(memory, h), jnp.zeros((), dtype=jnp.int32), *begun)
        z, count, last, rate, eta, converged, _ = lax.while_loop(unfinished, iterate, start)
        if self.kinked:
            left, alpha = self._residual(z, t, y, h, args)[-1], formula.A_inverse[-1, -1] / h
            converged &= holds(self.system, left, t + h, y + z[-1], alpha, args, enough * size)
        eta = jnp.where(jnp.isfinite(eta) & converged, eta, 1.0)
        finite = jnp.isfinite(last) & (count > 0)
        return RadauResult(z, converged, finite, eta, rate, count, prepared.sound)

    def _guess(self, memory: RadauMemory, h):
        """The polynomial of the last step, further on."""
        ratio = jnp.where(memory.h == 0, 0.0, h / jnp.where(memory.h == 0, 1.0, memory.h))
        theta = 1.0 + ratio * jnp.asarray(self.formula.c)
        powers = theta[:, None] ** jnp.arange(1, self.formula.stages + 1) - 1.0
        return powers @ memory.polynomial

    def _error(self, prepared: RadauFactors, z, t, y, h, args, size):
        """The scaled error, and evaluations beyond the first: an estimate that would reject is filtered once more."""
        ends = self.mass * (jnp.asarray(self.formula.e) @ z) / h

        def estimate(at):
            return self.real.solve(prepared.real, self.system.rhs(t, at, args) + ends)

        first = estimate(y)
        again = self.norm.of(first, size) > 1.0
        error = lax.cond(again, lambda: estimate(y + first), lambda: first)
        return self.norm.scaled(error, size), again.astype(jnp.int32)

    def _implicit(self, z, given):
        """`z` itself, with the derivatives that `residual(z, *given) = 0` gives it."""

        @jax.custom_jvp
        def solution(z, given):
            del given
            return z

        def tangent(primals, tangents):
            z, given = primals
            t, y, h, args = given
            b = jax.jvp(lambda g: self._residual(z, *g), (given,), (tangents[1],))[1]
            return z, self.all_stages.solve(t + jnp.asarray(self.formula.c) * h, y + z, h, args, b)

        solution.defjvp(tangent)
        return solution(z, given)

    def _off(self, real: Factors, z, t, y, h, args, size):
        """The error of the polynomial at the stages between: a correction of Newton's iteration for each of them, or
        zero where they are no corrections."""
        between = self.formula.between
        bases = jnp.asarray(between.base) @ z
        values = jnp.asarray(between.on) @ z

        def off(stage):
            c, base, value = stage
            left = self.mass * (value - base) * self.formula.gamma / h
            return self.real.solve(real, self.system.rhs(t + c * h, y + value, args) - left)

        found = lax.map(off, (jnp.asarray(between.c), bases, values))
        largest = lax.stop_gradient(self.norm.of(found, size))
        return jnp.where(largest <= CORRECTS, found, 0.0)

    def _dense(self, z, off):
        c = self.formula.c[:-1]
        inner = (z[:-1] - c[:, None] * z[-1]) / (c * (1.0 - c))[:, None]
        own = jnp.asarray(rows_at(c)) @ inner
        more = jnp.asarray(self.formula.between.rows) @ off
        return more.at[: len(c)].add(own)

    def renewed(self, memory: RadauMemory) -> RadauMemory:
        """The memory where the Jacobian has changed: nothing says how the next iteration converges."""
        old = memory.prepared
        fresh = None if old is None else old._replace(keep=jnp.zeros_like(old.keep))
        return memory._replace(eta=jnp.ones_like(memory.eta), prepared=fresh)

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        del t, y, h
        before, after, rate, sound = attempt.memory
        mode = singular.following(before.mode, accept, sound, rejections)
        rejections = jnp.where(before.mode == singular.NORMAL, rejections, 0)
        factor = control.factor(accept, attempt.error, previous_error, rejections, self.order, cut)
        failed = ~jnp.isfinite(attempt.error)
        factor = jnp.where(failed, CUT, factor)
        # Another mode tries the same step.
        factor = jnp.where(~accept & (mode != before.mode), 1.0, factor)
        steady = accept & (rate < CONTRACTS) & (factor >= 1.0) & (factor <= WORTHWHILE)
        chosen = jax.tree.map(
            lambda a, b: jnp.where(accept, a, b),
            after._replace(prepared=None),
            before._replace(prepared=None),
        )
        return chosen._replace(prepared=after.prepared, mode=mode), jnp.where(steady, 1.0, factor)
