"""Implicit Euler steps where another method cannot step: at kinks of algebraic equations.

    M (y1 - y)/h = f(t + h, y1)        error of the states: (I - h J)^-1 (y1 - y - h f(t, y))/2

An ideal diode has slopes that differ by ten orders of magnitude. The iterations of the methods keep the slopes of where
they begin, and no step is short enough for those of the wrong side. Here the Jacobian is evaluated anew in every
iteration, and a correction counts as the last one only if the one before it was small too, by the slopes of where that
one led: those of the other side of a kink would make any residual small. The kernels step the same way
(`native/step/euler.py`).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Method, Tolerance, Work, opened, renewed, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import Args, System
from stiffdsl.solve.linear.linear_systems import Factors, linear_solver
from stiffdsl.solve.newton import singular
from stiffdsl.solve.newton.kink_residual import has_kinks

# A rejection counts so many times, an accepted attempt takes one away; from so much on another method tries, as where
# a step is this short beside the time behind it. A method that creeps up to a kink takes ever shorter steps, some of
# them rejected.
REJECTED, ENOUGH, CRAWL = 2, 12, 1e-8
# Whole corrections come first: they pass from side to side where damped ones crawl. Later every other one is halved,
# for those that would go to and fro between the sides.
WHOLE, ITERATIONS = 12, 40
# The last corrections, in tolerated errors.
SMALL = 1e-3
# The error counts so many times: where such steps are made, many may follow one another.
STRICTER = 20.0
# The power of h in the error.
ORDER = 2


class KinkMemory(NamedTuple):
    """The memory of the method, when it began, and how many rejections there were more than accepted attempts."""

    own: Any
    begun: Any
    trouble: Any


class KinkTrial(NamedTuple):
    """The attempt of the method, whether an Euler step is in its place, and the memory before."""

    own: Attempt
    replaced: Any
    memory: KinkMemory


class _Iteration(NamedTuple):
    """The iterate, the factors at the one before it, iterations made, and how many small corrections came in a row."""

    y: Any
    factors: Factors
    count: Any
    small: Any


class EulerAtKinks:
    """An implicit method whose attempts that fail again and again are made by the implicit Euler method."""

    def __init__(self, method: Any, system: System, linear: str = "auto"):
        self.method, self.system, self.norm = method, system, ErrorNorm(system)
        self.name, self.order, self.rows = method.name, method.order, method.rows
        # A sparse solver holds one set of factors.
        self.linear, self.linear_at_solution = linear_solver(system, linear), linear_solver(system, linear)
        self.mass = np.asarray(system.mass, dtype=float)

    def start(self, t, y, h, args: Args, tolerance: Tolerance) -> KinkMemory:
        return KinkMemory(
            self.method.start(t, y, h, args, tolerance), lax.stop_gradient(t), jnp.zeros((), dtype=jnp.int32)
        )

    def opened(self, memory: KinkMemory) -> KinkMemory:
        return memory._replace(own=opened(self.method, memory.own))

    def renewed(self, memory: KinkMemory) -> KinkMemory:
        return memory._replace(own=renewed(self.method, memory.own))

    def attempt(self, memory: KinkMemory, t, y, h, args: Args, tolerance: Tolerance) -> Attempt:
        attempt = self.method.attempt(memory.own, t, y, h, args, tolerance)
        crawls = jnp.abs(h) < CRAWL * jnp.abs(t - memory.begun)
        hard = lax.stop_gradient(~(attempt.error <= 1.0) & ((memory.trouble >= ENOUGH) | crawls))
        work = Work(*(jnp.asarray(w, jnp.int32) for w in attempt.work))
        plain = attempt._replace(memory=(), work=work, arguments=None)
        found = lax.cond(hard, lambda: self._euler(plain, hard, t, y, h, args, tolerance), lambda: plain)
        return found._replace(memory=KinkTrial(attempt, hard, memory))

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut: Any = 1.0):
        own, replaced, before = attempt.memory
        memory, factor = self.method.advance(
            own, accept & ~replaced, t, y, h, previous_error, rejections, cut
        )
        # Rejections for want of the right slopes say nothing about the size of the next step.
        by_euler = control.factor(accept, attempt.error, jnp.ones(()), 0 * rejections, ORDER, cut)
        slope = lax.stop_gradient((attempt.y - y) / jnp.where(h == 0, 1e-30, h))
        again = accept & replaced
        memory = jax.tree.map(lambda a, b: jnp.where(again, a, b), self.method.begun(slope), memory)
        trouble = jnp.where(accept, jnp.maximum(before.trouble - 1, 0), before.trouble + REJECTED)
        trouble = jnp.minimum(trouble, ENOUGH + 1).astype(jnp.int32)
        return KinkMemory(memory, before.begun, trouble), jnp.where(replaced, by_euler, factor)

    def _euler(self, instead: Attempt, hard, t, y, h, args, tolerance) -> Attempt:
        """The step, in the place of another. Where lanes are computed side by side, `hard` says whether it is used."""
        h = jnp.where(h == 0, 1e-30, h)
        fixed = lax.stop_gradient((t, y, h, args, tolerance))
        end, converged = lax.stop_gradient(self._newton(hard, *fixed))
        y1 = self._implicit(end.y, (t, y, h, args))
        scaled = lax.stop_gradient(self._error(end, *fixed))
        error = jnp.where(converged, self.norm(scaled), jnp.inf)
        status = jnp.where(converged, Status.SUCCESS, instead.status).astype(jnp.int32)
        count = end.count
        work = [a + b for a, b in zip(instead.work, (count + 1, count, count, count, 0), strict=True)]
        # If nothing converges, the unknowns that the method found are to blame.
        scaled = jnp.where(converged, scaled, instead.scaled)
        return Attempt(y1, scaled, error, status, jnp.zeros_like(instead.K), (), Work(*work))

    def _residual(self, y1, t, y, h, args):
        return self.system.rhs(t + h, y1, args) - self.mass * (y1 - y) / h

    def _newton(self, hard, t, y, h, args, tolerance):
        def iterate(carry: _Iteration) -> _Iteration:
            jacobian = self.system.jacobian(t + h, carry.y, args)
            factors = self.linear.factor(singular.usable(jacobian, singular.ZERO), 1.0 / h)
            change = self.linear.solve(factors, self._residual(carry.y, t, y, h, args))
            size = jnp.max(self.norm.scaled(jnp.abs(change), self._tolerated(y, carry.y, tolerance)))
            halved = (carry.count >= WHOLE) & (carry.count % 2 == 0) & (size > SMALL)
            moved = carry.y + jnp.where(halved, 0.5, 1.0) * change
            moved = jnp.where(carry.count == WHOLE, y, moved)
            small = jnp.where(size <= SMALL, carry.small + 1, 0).astype(jnp.int32)
            return _Iteration(moved, factors, carry.count + 1, small)

        def unfinished(carry: _Iteration):
            finite = jnp.all(jnp.isfinite(carry.y))
            return hard & (carry.small < 2) & (carry.count < ITERATIONS) & finite

        zero = jnp.zeros((), dtype=jnp.int32)
        jacobian = jax.ShapeDtypeStruct((len(self.system.rows),), float)
        shapes = jax.eval_shape(self.linear.factor, jacobian, jax.ShapeDtypeStruct((), float))
        nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        end = lax.while_loop(unfinished, iterate, _Iteration(y, nothing, zero, zero))
        return end, (end.small >= 2) & jnp.all(jnp.isfinite(end.y))

    def _tolerated(self, y, y1, tolerance: Tolerance):
        return jnp.maximum(scale(y, y1, tolerance), singular.TINY)

    def _error(self, end: _Iteration, t, y, h, args, tolerance: Tolerance):
        """The scaled error. Algebraic unknowns have none: their equations hold."""
        slope = self.system.rhs(t, y, args)
        known = jnp.all(jnp.isfinite(slope))
        moved = end.y - y
        off = jnp.where(known, 0.5 * STRICTER * (moved - h * slope), moved) / h
        error = self.linear.solve(end.factors, jnp.where(self.mass == 0, 0.0, off))
        scaled = self.norm.scaled(error, self._tolerated(y, end.y, tolerance))
        return jnp.where(self.mass == 0, 0.0, scaled)

    def _implicit(self, y1, given):
        """`y1` itself, with the derivatives that `residual(y1, *given) = 0` gives it."""

        @jax.custom_jvp
        def solution(y1, given):
            del given
            return y1

        def tangent(primals, tangents):
            y1, given = primals
            t, _, h, args = given
            b = jax.jvp(lambda g: self._residual(y1, *g), (given,), (tangents[1],))[1]
            jacobian = self.system.jacobian(t + h, y1, args)
            factors = self.linear_at_solution.factor(singular.usable(jacobian, singular.ZERO), 1.0 / h)
            return y1, self.linear_at_solution.solve(factors, b)

        solution.defjvp(tangent)
        return solution(y1, given)


def at_kinks(method: Method, system: System, linear: str) -> Method:
    """The method with Euler steps at kinks, for a system that says that it has some in its algebraic equations."""
    if not has_kinks(system) or not hasattr(method, "begun"):
        return method
    return EulerAtKinks(method, system, linear)
