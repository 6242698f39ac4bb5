"""Newton's iteration inside an implicit step, with a Jacobian and factors kept for as long as they serve.

Solves `M (slope + alpha (y - predicted)) = f(t, y)` for y, given `alpha = lead / h`. When to factor anew and
when to stop follow CVODE (Hindmarsh et al., ACM TOMS 31:363, 2005). Derivatives of the solution come from the
implicit function theorem: one linear solve with the Jacobian at the solution.

Where linear systems are solved approximately (`krylov.py`), what is kept are the incomplete factors; the matrix is that
of this step, and its Jacobian is evaluated once in each.
"""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Work
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import SwitchingSystem, System
from stiffdsl.solve.integrate.branches import has_branches
from stiffdsl.solve.linear.krylov import IncompleteFactors
from stiffdsl.solve.linear.linear_systems import Factors, LinearSolver, inexact_kind, linear_solver
from stiffdsl.solve.newton import singular
from stiffdsl.solve.newton.kink_residual import has_kinks, holds

# The error that the iteration may leave, as a share of the tolerated local error.
REMAINDER = 0.05
ITERATIONS = 3
# Factors serve up to this relative change of alpha, and up to so many steps.
CHANGE, AGE = 0.3, 20
# Where factors are due, a Jacobian of this age is evaluated anew.
JACOBIAN_AGE = 10
NEVER = 1 << 20
# A linear solve may leave so much of what the iteration may leave. Incomplete factors are made anew where one takes
# more than so many times the iterations, and some more, that it took when they were new.
INEXACT = 0.05
DETERIORATED, SOME = 1.5, 3.0
# Rounds of iterations where slopes jump; from the second of these on the Jacobian is evaluated in every iteration.
PLAIN, KINKED_ROUNDS = 2, 12
EPSILON, NOISE = 2.0**-52, 4.0


class CorrectorMemory(NamedTuple):
    """Factors of `alpha M - J`, the ages in steps of J and of alpha, the rate of convergence they give, and noise.

    `effort` are the iterations of a linear solve when the factors were new, and of the last: zero for complete factors.
    `sound`: J was finite.

    `noise` is the size, by unknown, of what the rounding of algebraic equations does to the solution: no tolerance
    below it can be met. A scalar zero where there are none.

    `sides` are the conditions on unknowns where J was evaluated: a rate of convergence says nothing beyond them. A
    scalar zero where none may change inside of a step.
    """

    factors: Factors
    jacobian_age: Any
    factors_age: Any
    rate: Any
    effort: Any
    noise: Any
    sound: Any
    sides: Any


class CorrectorResult(NamedTuple):
    """`y` is the solution where `converged`; `prepared` is for the next step, `noise` as in `CorrectorMemory`. `sound`
    is false where J is not finite though the equations are."""

    y: Any
    converged: Any
    status: Any
    prepared: CorrectorMemory | None
    noise: Any
    sound: Any
    work: Work


class _Round(NamedTuple):
    """Newton's iteration with one set of factors; `evaluated`: with a Jacobian of this step; `known`: the equations
    were finite where it began."""

    y: Any
    converged: Any
    finite: Any
    known: Any
    prepared: CorrectorMemory
    rounds: Any
    evaluated: Any
    work: Work


class _Found(NamedTuple):
    """Newton's iteration: the last change has the scaled `size`; `inner` counts iterations of linear solves; `known`:
    the equations were finite where it began."""

    y: Any
    count: Any
    size: Any
    rate: Any
    converged: Any
    diverged: Any
    inner: Any
    known: Any


def rounding(linear: LinearSolver, system: System, factors: Factors, y):
    """`CorrectorMemory.noise`: rounding of the terms `J y` of the algebraic equations, carried over to the unknowns."""
    algebraic = np.asarray(system.mass) == 0
    if not algebraic.any():
        return jnp.zeros(())
    terms = jnp.abs(factors.jacobian * y[system.columns])
    residual = EPSILON * jnp.zeros(system.size).at[system.rows].add(terms)
    noise = NOISE * jnp.abs(linear.solve(factors, jnp.where(algebraic, residual, 0.0)))
    return jnp.where(jnp.isfinite(noise), noise, 0.0)


class Corrector:
    """The iteration for one system; where it does not `keep`, every step evaluates and factors its own Jacobian."""

    def __init__(self, system: System, keep: bool = True, linear: str = "auto"):
        self.system, self.keep, self.norm = system, keep, ErrorNorm(system)
        kind = inexact_kind(system, linear)
        self.linear = linear_solver(system, kind)
        # Derivatives factor at other points, and a sparse solver holds but one set of factors: the steps' own.
        self.linear_at_solution = linear_solver(system, kind)
        self.krylov = self.linear.krylov
        self.mass = np.asarray(system.mass, dtype=float)
        self.algebraic = self.mass == 0
        self.kinked = has_kinks(system)
        self.branching = has_branches(system)

    def renewed(self, prepared: CorrectorMemory | None) -> CorrectorMemory | None:
        """The same where the Jacobian has changed."""
        if prepared is None:
            return None
        never = jnp.full_like(prepared.jacobian_age, NEVER)
        return prepared._replace(jacobian_age=never, factors_age=never)

    def start(self) -> CorrectorMemory | None:
        """Nothing prepared."""
        return self._nothing() if self.keep else None

    def older(self, prepared: CorrectorMemory | None, accept) -> CorrectorMemory | None:
        """After a step."""
        if prepared is None:
            return None
        return prepared._replace(
            factors_age=prepared.factors_age + accept, jacobian_age=prepared.jacobian_age + accept
        )

    def _nothing(self) -> CorrectorMemory:
        jacobian = jax.ShapeDtypeStruct((len(self.system.rows),), float)
        shapes = jax.eval_shape(self.linear.factor, jacobian, jax.ShapeDtypeStruct((), float))
        factors = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        old = jnp.full((), NEVER, dtype=jnp.int32)
        noise = jnp.zeros(self.system.size if self.algebraic.any() else ())
        sides = jnp.zeros(len(cast(SwitchingSystem, self.system).relation_rises) if self.branching else ())
        sound = jnp.ones((), dtype=bool)
        return CorrectorMemory(factors, old, old, jnp.ones(()), jnp.zeros(2), noise, sound, sides)

    def residual(self, y, t, predicted, slope, alpha, args):
        """f - M y'."""
        return self.system.rhs(t, y, args) - self.mass * (slope + alpha * (y - predicted))

    def solve(
        self,
        prepared: CorrectorMemory | None,
        t,
        predicted,
        slope,
        alpha,
        tolerated,
        args,
        mode=singular.NORMAL,
    ) -> CorrectorResult:
        """`tolerated` is the error, by unknown, of which a part may remain; `mode`: `singular.py`."""
        given = (t, predicted, slope, alpha, args)
        fixed = lax.stop_gradient((prepared, given, tolerated, jnp.asarray(mode)))
        solved = self._iterate(*fixed)
        solved = lax.stop_gradient(solved)
        return solved._replace(y=self._implicit(solved.y, given))

    def _iterate(self, prepared: CorrectorMemory | None, given, tolerated, mode) -> CorrectorResult:
        """At most two rounds: with the factors at hand if they will do, then with a Jacobian of this step; at kinks,
        more with one of every iteration."""
        if prepared is None:
            prepared = self._nothing()
        alpha = given[3]
        change = jnp.abs(prepared.factors.alpha / alpha - 1.0)
        due = (prepared.factors_age >= AGE) | ~(change <= CHANGE) | (mode != singular.NORMAL)
        if self.krylov is not None:
            prepared = self._with_matrix(prepared, given, tolerated, mode)
            first, last = prepared.effort
            due = overdue = due | (last > DETERIORATED * first + SOME)
        else:
            overdue = due & ((prepared.jacobian_age >= JACOBIAN_AGE) | (mode != singular.NORMAL))

        def one_round(carry: _Round) -> _Round:
            first = carry.rounds == 0
            factor, evaluate = due | ~first, overdue | ~first
            # Between the sides of kinks it goes on from where the last round led.
            begun = jnp.where(carry.finite, carry.y, given[1]) if self.kinked else given[1]
            prepared = self._prepare(carry.prepared, factor, evaluate, begun, given, tolerated, mode)
            usable = prepared.sound | (mode >= singular.ZERO)
            most = jnp.where(carry.rounds < PLAIN, ITERATIONS, 1) if self.kinked else ITERATIONS
            found = self._newton(prepared, begun, given, tolerated + prepared.noise, mode, usable, most)
            evaluated = evaluate if self.krylov is None else first
            work = Work(found.count, evaluated, factor, found.count, found.inner)
            return _Round(
                found.y,
                found.converged,
                jnp.isfinite(found.size),
                found.known,
                prepared._replace(rate=found.rate, effort=self._effort(prepared.effort, factor, found)),
                carry.rounds + 1,
                evaluate,
                jax.tree.map(jnp.add, carry.work, work),
            )

        no, none = jnp.zeros((), dtype=bool), jnp.zeros((), dtype=jnp.int32)
        start = _Round(given[1], no, no, no, prepared, none, no, Work(none, none, none, none, none))

        def unfinished(r: _Round):
            last = r.evaluated & (r.rounds >= KINKED_ROUNDS) if self.kinked else r.evaluated
            return (r.rounds == 0) | ~(r.converged | last)

        end = lax.while_loop(unfinished, one_round, start)
        status = jnp.where(end.finite, Status.NEWTON, Status.NON_FINITE)
        status = jnp.where(end.converged, Status.SUCCESS, status).astype(jnp.int32)
        prepared = end.prepared._replace(
            jacobian_age=jnp.where(end.converged, end.prepared.jacobian_age, NEVER),
            factors_age=jnp.where(end.converged, end.prepared.factors_age, NEVER),
        )
        kept = prepared if self.keep else None
        sound = prepared.sound | ~end.known
        return CorrectorResult(end.y, end.converged, status, kept, prepared.noise, sound, end.work)

    def _prepare(
        self, prepared: CorrectorMemory, factor, evaluate, begun, given, tolerated, mode
    ) -> CorrectorMemory:
        t, predicted, _, alpha, args = given
        old = prepared.factors

        def new():
            sides = prepared.sides
            if self.krylov is not None:
                jacobian, _, (a, _) = old.lu
                lu = jacobian, alpha, IncompleteFactors(a, self.krylov.incomplete(a))
                factors, sound = Factors(jacobian, alpha, lu), prepared.sound
            else:
                point = singular.point(begun, mode, tolerated)
                jacobian = lax.cond(
                    evaluate, lambda: self.system.jacobian(t, point, args), lambda: old.jacobian
                )
                sound = jnp.where(evaluate, jnp.all(jnp.isfinite(jacobian)), prepared.sound)
                factors = self.linear.factor(singular.usable(jacobian, mode), alpha)
                sides = jnp.where(evaluate, self._sides(point, t, args), sides)
            return factors, rounding(self.linear, self.system, factors, predicted), sound, sides

        kept = old, prepared.noise, prepared.sound, prepared.sides
        factors, noise, sound, sides = lax.cond(factor, new, lambda: kept)
        return CorrectorMemory(
            factors,
            jnp.where(evaluate, 0, prepared.jacobian_age),
            jnp.where(factor, 0, prepared.factors_age),
            jnp.where(factor, 1.0, prepared.rate),
            prepared.effort,
            noise,
            sound,
            sides,
        )

    def _with_matrix(self, prepared: CorrectorMemory, given, tolerated, mode) -> CorrectorMemory:
        """The matrix of this step beside the factors as they are."""
        assert self.krylov is not None
        t, predicted, _, alpha, args = given
        point = singular.point(predicted, mode, tolerated)
        jacobian, sides = self.system.jacobian(t, point, args), self._sides(point, t, args)
        sound, jacobian = jnp.all(jnp.isfinite(jacobian)), singular.usable(jacobian, mode)
        factors = prepared.factors
        near = factors.lu[2]._replace(a=self.krylov.matrix(jacobian, alpha))
        return prepared._replace(
            factors=Factors(jacobian, factors.alpha, (jacobian, alpha, near)), sound=sound, sides=sides
        )

    def _effort(self, effort, factor, found: _Found):
        last = found.inner / jnp.maximum(found.count, 1)
        return jnp.stack([jnp.where(factor, last, effort[0]), last])

    def _newton(self, prepared: CorrectorMemory, begun, given, tolerated, mode, usable, most) -> _Found:
        solve = (
            self._exact(prepared, given) if self.krylov is None else self._inexact(prepared, given, tolerated)
        )

        def iterate(carry: _Found) -> _Found:
            residual = self.residual(carry.y, *given)
            change, inner, solved = solve(residual)
            size = self.norm.of(change, tolerated)
            first = carry.count == 0
            rate = jnp.where(first, carry.rate, jnp.maximum(0.3 * carry.rate, size / carry.size))
            # Factors of what is not finite would leave y where it is.
            converged = usable & solved & (size * jnp.minimum(1.0, rate) <= REMAINDER)
            if self.branching:
                # Beyond a kink nothing is known of the rate.
                near = self._as_prepared(prepared, carry.y, given)
                near &= self._as_prepared(prepared, carry.y + change, given)
                converged &= ~first | (size <= REMAINDER) | near
            diverged = ~usable | ~solved | ~jnp.isfinite(size) | (~first & (size > 2.0 * carry.size))
            return _Found(
                carry.y + change,
                carry.count + 1,
                size,
                rate,
                converged,
                diverged,
                carry.inner + inner,
                jnp.where(first, jnp.all(jnp.isfinite(residual)), carry.known),
            )

        def unfinished(carry: _Found):
            return ~carry.converged & ~carry.diverged & (carry.count < most)

        no, none = jnp.zeros((), dtype=bool), jnp.zeros((), dtype=jnp.int32)
        begun = singular.state(begun, mode, tolerated)
        start = _Found(begun, none, jnp.ones(()), prepared.rate, no, no, none, no)
        found = lax.while_loop(unfinished, iterate, start)
        if not self.kinked:
            return found
        t, _, _, alpha, args = given
        left = self.residual(found.y, *given)
        good = holds(self.system, left, t, found.y, alpha, args, REMAINDER * tolerated)
        return found._replace(converged=found.converged & good)

    def _sides(self, y, t, args):
        """The conditions on unknowns at y."""
        if not self.branching:
            return jnp.zeros(())
        system = cast(SwitchingSystem, self.system)
        return system.relations(t, y, args)[: len(system.relation_rises)]

    def _as_prepared(self, prepared: CorrectorMemory, y, given):
        """Whether all conditions at y are those that the Jacobian knows."""
        rises = np.asarray(cast(SwitchingSystem, self.system).relation_rises)
        return jnp.all(jnp.abs(self._sides(y, given[0], given[4]) - prepared.sides) <= rises)

    def _exact(self, prepared: CorrectorMemory, given):
        """The change for a residual, the iterations of its linear solve, and whether it was solved."""
        # Correct to first order for factors with an old alpha, for stiff and for other components.
        relax = 2.0 / (1.0 + given[3] / prepared.factors.alpha)
        none, yes = jnp.zeros((), dtype=jnp.int32), jnp.ones((), dtype=bool)
        return lambda residual: (relax * self.linear.solve(prepared.factors, residual), none, yes)

    def _inexact(self, prepared: CorrectorMemory, given, tolerated):
        """The same by an approximate solve. What is left of a row counts as the error of its unknown that it would be
        without coupling."""
        krylov = self.krylov
        assert krylov is not None
        _, alpha, near = prepared.factors.lu
        tolerated = jnp.broadcast_to(tolerated, (self.system.size,))
        allowed = alpha * tolerated
        if self.algebraic.any():
            allowed = jnp.where(self.algebraic, krylov.row_sizes(near.a, tolerated), allowed)
        weights = 1.0 / jnp.abs(allowed)
        threshold = jnp.asarray(INEXACT * REMAINDER * np.sqrt(self.system.size))

        def solve(residual):
            found = krylov.approximate(near, residual, weights, threshold)
            return found.x, found.iterations, found.norm <= threshold

        return solve

    def _implicit(self, y, given):
        """`y` itself, with the derivatives that `residual(y, *given) = 0` gives it."""

        @jax.custom_jvp
        def solution(y, given):
            del given
            return y

        def tangent(primals, tangents):
            y, given = primals
            t, _, _, alpha, args = given
            b = jax.jvp(lambda g: self.residual(y, *g), (given,), (tangents[1],))[1]
            factors = self.linear_at_solution.factor(self.system.jacobian(t, y, args), alpha)
            return y, self.linear_at_solution.solve(factors, b)

        solution.defjvp(tangent)

        return solution(y, given)
