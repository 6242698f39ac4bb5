"""Rosenbrock methods for `M y' = f(t, y)`: one factorization per step, no Newton iteration.

Steinebach, Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia Differential
Equations package, BIT Numerical Mathematics 63:27, 2023.
"""

import copy
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, Work, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate.branches import has_branches
from stiffdsl.solve.integrate.held_conditions import nodes
from stiffdsl.solve.linear.linear_systems import WRITTEN_OUT, linear_solver
from stiffdsl.solve.methods.tableau import Tableau
from stiffdsl.solve.newton import singular

# A W-method keeps its Jacobian for so many accepted steps, while the step size changes by no more than this. (An old
# Jacobian costs it no order but accuracy: kept through changing steps, it needs several times as many of them.) With
# algebraic equations an old Jacobian does cost it its order.
KEEP_JACOBIAN, KEEP_CHANGE = 20, 0.03


class Kept(NamedTuple):
    """A W-method's Jacobian, its age in steps, and the step size that it was evaluated for."""

    jacobian: Any
    age: Any
    h: Any


class RosenbrockMemory(NamedTuple):
    """The mode of the next attempt (`singular.py`); the logarithm of the error that is expected of it, or, of a
    W-method, the Jacobian that it keeps."""

    mode: Any
    carried: Any


class RosenbrockTrial(NamedTuple):
    """The memory of an attempt, and whether it started from finite derivatives."""

    memory: RosenbrockMemory
    sound: Any


class Rosenbrock:
    """A method given by its tableau; a W-method reuses its Jacobian.

    The stages of small systems are written out one after the other unless `compact`.
    """

    # Coefficients of dense output that tell of unknowns it does not follow (`between_steps.py`).
    rough_rows = 1

    def __init__(self, tableau: Tableau, system: System, compact: bool = False, linear: str = "auto"):
        self.tableau, self.system, self.norm = tableau, system, ErrorNorm(system)
        self.name, self.order, self.rows = tableau.name, tableau.order, len(tableau.H)
        self.written_out = system.size <= WRITTEN_OUT and not compact
        self.linear = linear_solver(system, linear)
        self.mass = np.asarray(system.mass, dtype=float)
        self.all_states = bool(np.all(self.mass == 1))
        # Whether conditions are held inside of a step (`held_conditions.py`); None where they never are.
        self.holds: Any = None

    def holding(self, holds) -> "Rosenbrock":
        """The method that holds conditions in steps if `holds`."""
        method = copy.copy(self)
        method.holds = holds
        return method

    def _slopes(self, t, y, args):
        """f in a step that begins at (t, y)."""
        system: Any = self.system
        if self.holds is None:
            return system.rhs
        count = len(system.relation_rises)
        before = lax.stop_gradient(system.relations(t, y, args)[:count])

        def slopes(t, y, args):
            now = system.relations(t, y, args)[:count]
            return system.held(t, y, args, jnp.where(self.holds, before, lax.stop_gradient(now)))

        return slopes

    def start(self, t, y, h, args, tolerance: Tolerance) -> RosenbrockMemory:
        del t, h, args, tolerance
        return self.begun(y)

    def begun(self, slope) -> RosenbrockMemory:
        """The memory where the derivative is known."""
        del slope
        if not self.tableau.w_method:
            return RosenbrockMemory(singular.start(), jnp.zeros(()))
        old = jnp.asarray(KEEP_JACOBIAN, dtype=jnp.int32)
        return RosenbrockMemory(singular.start(), Kept(jnp.zeros(len(self.system.rows)), old, jnp.ones(())))

    def attempt(self, memory: RosenbrockMemory, t, y, h, args, tolerance: Tolerance) -> Attempt:
        tolerated = scale(y, y, tolerance)
        start = singular.state(y, memory.mode, tolerated)
        point = singular.point(start, memory.mode, tolerated)
        if self.tableau.w_method:
            kept: Kept = memory.carried
            steady = lax.stop_gradient(jnp.abs(h / kept.h - 1.0) <= KEEP_CHANGE)
            old = (kept.age >= (KEEP_JACOBIAN if self.all_states else 1)) | ~steady
            jacobian = lax.cond(old, lambda: self.system.jacobian(t, point, args), lambda: kept.jacobian)
            memory = memory._replace(
                carried=Kept(
                    jacobian, jnp.where(old, 0, kept.age), lax.stop_gradient(jnp.where(old, h, kept.h))
                )
            )
            evaluated = old.astype(jnp.int32)
        else:
            jacobian, evaluated = self.system.jacobian(t, point, args), 1
        attempt = self.step(jacobian, t, start, h, args, tolerance, memory.mode, evaluated)
        return attempt._replace(memory=RosenbrockTrial(memory, attempt.memory))

    def step(
        self, jacobian, t, y, h, args, tolerance: Tolerance, mode=singular.NORMAL, evaluated=1
    ) -> Attempt:
        """One step with the Jacobian given, which took `evaluated` evaluations; its memory is whether it started from
        finite derivatives."""
        tableau, system = self.tableau, self.system
        f_t = None
        if system.time_dependent:
            # In other modes not where something may begin, but in the middle of the step.
            at = jnp.where(mode == singular.NORMAL, t, lax.stop_gradient(t + 0.5 * h))
            f_t = jax.jvp(lambda s: system.rhs(s, y, args), (at,), (jnp.ones_like(t),))[1]
        y1, u, stages = self.stages(singular.usable(jacobian, mode), f_t, t, y, h, args)
        scaled = self.norm.scaled(u, scale(y, y1, tolerance))
        error = self.norm(scaled)
        finite = lax.stop_gradient(jnp.all(jnp.isfinite(jacobian)))
        error = jnp.where(finite | (mode >= singular.ZERO), error, jnp.nan)
        sound = finite & jnp.all(jnp.isfinite(lax.stop_gradient(stages[0])))
        status = jnp.where(jnp.isfinite(error), Status.SUCCESS, Status.NON_FINITE).astype(jnp.int32)
        K = self._dense(stages)
        arguments = None
        if has_branches(system):
            own = slice(tableau.stages)
            values = y + jnp.asarray(tableau.a_matrix[own, own]) @ stages[own]
            arguments = (jnp.asarray(tableau.c[own], dtype=float), values)
            if self.holds is not None:
                arguments = jnp.asarray(nodes(tableau))
        work = Work(len(tableau.c), evaluated, 1)
        return Attempt(y1, scaled, error, status, K, sound, work, arguments)

    def _dense(self, stages):
        if not self.written_out:
            return jnp.asarray(self.tableau.H_matrix) @ stages
        return jnp.stack([sum(h * stages[i] for i, h in enumerate(row)) for row in self.tableau.H])

    def stages(self, jacobian, f_t, t, y, h, args):
        """The new value, the last stage of the step (the error estimate), and all stages as rows, those of dense output
        too; `f_t` is the derivative by time, None where there is none."""
        tableau, system = self.tableau, self.system
        rate, last, slopes = 1.0 / h, tableau.stages - 1, self._slopes(t, y, args)
        factors = self.linear.factor(jacobian, rate / tableau.gamma)

        def one(argument, history, c, d):
            b = slopes(t + c * h, argument, args)
            b = b + (history * rate if self.all_states else self.mass * history * rate)
            if f_t is not None:
                b = b + h * d * f_t
            return self.linear.solve(factors, b)

        if self.written_out:
            u: list[Any] = []
            y1 = y
            for i in range(len(tableau.c)):
                argument = y + sum(a * v for a, v in zip(tableau.a[i], u, strict=True)) if i else y
                history = sum(c * v for c, v in zip(tableau.C[i], u, strict=True)) if i else jnp.zeros_like(y)
                u.append(one(argument, history, tableau.c[i], tableau.d[i]))
                if i == last:
                    y1 = argument + u[-1]
            return y1, u[last], jnp.stack(u)

        a, C = jnp.asarray(tableau.a_matrix), jnp.asarray(tableau.C_matrix)
        c, d = jnp.asarray(tableau.c, dtype=float), jnp.asarray(tableau.d, dtype=float)

        def body(i, carry):
            stages, _ = carry
            argument = y + a[i] @ stages
            stage = one(argument, C[i] @ stages, c[i], d[i])
            return stages.at[i].set(stage), argument

        start = (jnp.zeros((len(tableau.c), system.size)), y)
        stages, argument = lax.fori_loop(0, tableau.stages, body, start)
        y1, estimate = argument + stages[last], stages[last]
        if tableau.beyond:
            # A loop of its own: XLA leaves it out where no value is saved.
            stages, _ = lax.fori_loop(tableau.stages, len(tableau.c), body, (stages, y))
        return y1, estimate, stages

    def opened(self, memory):
        """The memory where the next step is shorter than it was to be: nothing is expected of it."""
        return memory if self.tableau.w_method else memory._replace(carried=jnp.zeros_like(memory.carried))

    def renewed(self, memory: RosenbrockMemory) -> RosenbrockMemory:
        """The memory where the Jacobian has changed."""
        if not self.tableau.w_method:
            return memory
        kept: Kept = memory.carried
        return memory._replace(carried=kept._replace(age=jnp.full_like(kept.age, KEEP_JACOBIAN)))

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        del t, y, h
        (mode, carried), sound = attempt.memory
        following = singular.following(mode, accept, sound, rejections)
        # Rejections for want of a derivative say nothing about the size of steps.
        rejections = jnp.where(mode == singular.NORMAL, rejections, 0)
        if not self.tableau.w_method:
            error = lax.stop_gradient(attempt.error)
            factor, carried = control.predictive(accept, error, carried, rejections, self.order, cut)
        else:
            factor = control.factor(accept, attempt.error, previous_error, rejections, self.order, cut)
            # After a rejection an old Jacobian may be to blame: the next attempt gets a fresh one.
            stale = jnp.where(carried.age > 0, KEEP_JACOBIAN, carried.age)
            changed = (mode != singular.NORMAL) | (following != mode)
            carried = carried._replace(
                age=jnp.where(changed, KEEP_JACOBIAN, jnp.where(accept, carried.age + 1, stale))
            )
        # Another mode tries the same step.
        return RosenbrockMemory(following, carried), jnp.where(~accept & (following != mode), 1.0, factor)
