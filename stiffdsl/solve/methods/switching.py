"""An explicit method where the problem is not stiff, a Rosenbrock method where it is, changed between two steps.

Explicit steps estimate the largest eigenvalue from two stages at the same time (Shampine, ACM TOMS 3:44-53, 1977;
Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.2): where stability bounds the step several
times in a row, the Rosenbrock method takes over: so often that these steps have cost what a factorization costs, which
is at most twice the work of whoever knew beforehand. It hands back where the bound of the Jacobian's spectrum allows
steps of the same size.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, Work, scale
from stiffdsl.solve.base.stiffness import EXPLICIT_BOUND, require_explicit, spectral_bound
from stiffdsl.solve.base.system import System
from stiffdsl.solve.linear.linear_systems import LinearSolver
from stiffdsl.solve.linear.ordering import estimate
from stiffdsl.solve.methods.explicit import Explicit
from stiffdsl.solve.methods.explicit_tableau import TSIT5
from stiffdsl.solve.methods.rosenbrock import Rosenbrock
from stiffdsl.solve.methods.tableau import RODAS5P

# Steps in a row that change the method; to the Rosenbrock method at most so many, where a factorization is dear.
TO_STIFF, TO_EXPLICIT, AT_MOST = 10, 3, 2000
# Below so many unknowns no factorization is dear.
MANY = 100
# Multiplications of a factorization in the time in which an explicit step deals with one entry of the Jacobian.
ENTRY_WORK = 50.0


class SwitchingMemory(NamedTuple):
    """The method in use, accepted steps in a row that spoke for the other, and the derivative at the start of the step
    where it is known."""

    stiff: Any
    votes: Any
    first: Any
    known: Any


class Switching:
    """Both methods for one system without algebraic equations. Raises `ValueError` for one that has some."""

    name = "switching"
    order = 5
    rows = len(TSIT5.K_matrix)

    def __init__(self, system: System, compact: bool = False, linear: str = "auto"):
        require_explicit(system, self.name)
        self.system, self.norm = system, ErrorNorm(system)
        self.explicit, self.rosenbrock = Explicit(TSIT5, system), Rosenbrock(RODAS5P, system, compact, linear)
        assert self.explicit.rows == self.rosenbrock.rows
        self.patience = _patience(system)

    @property
    def linear_solvers(self) -> list[LinearSolver]:
        """All that hold factors from one call to the next."""
        return [self.rosenbrock.linear]

    def start(self, t, y, h, args, tolerance: Tolerance) -> SwitchingMemory:
        first = self.explicit.start(t, y, h, args, tolerance)
        no = jnp.zeros((), dtype=bool)
        return SwitchingMemory(no, jnp.zeros((), dtype=jnp.int32), first, ~no)

    def attempt(self, memory: SwitchingMemory, t, y, h, args, tolerance: Tolerance) -> Attempt:
        def explicit():
            first = lax.cond(memory.known, lambda: memory.first, lambda: self.system.rhs(t, y, args))
            k = self.explicit.stages(first, t, y, h, args)
            attempt = self.explicit.finished(k, t, y, h, args, tolerance)
            arguments = h * (jnp.asarray(TSIT5.a_matrix[-1] - TSIT5.a_matrix[-2]) @ k)
            size = scale(y, attempt.y, tolerance)
            far, near = self.norm.of(k[-1] - k[-2], size), self.norm.of(arguments, size)
            fast = lax.stop_gradient(jnp.where(near > 0, jnp.abs(h) * far / near, 0.0))
            rhs = attempt.work.rhs + (~memory.known).astype(jnp.int32)
            return attempt, (first, k[-1]), fast, (rhs, jnp.int32(0), jnp.int32(0))

        def rosenbrock():
            jacobian = self.system.jacobian(t, y, args)
            attempt = self.rosenbrock.step(jacobian, t, y, h, args, tolerance)
            fast = lax.stop_gradient(jnp.abs(h) * spectral_bound(self.system, jacobian))
            unknown = jnp.zeros_like(y)
            return (
                attempt,
                (unknown, unknown),
                fast,
                (jnp.int32(attempt.work.rhs), jnp.int32(1), jnp.int32(1)),
            )

        def plain(branch):
            def run():
                attempt, ends, fast, work = branch()
                return attempt._replace(memory=(), work=(), arguments=None), ends, fast, work

            return run

        attempt, ends, fast, work = lax.cond(memory.stiff, plain(rosenbrock), plain(explicit))
        return attempt._replace(memory=(memory, ends, fast), work=Work(*work))

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        del t, y, h
        memory, (before, after), fast = attempt.memory
        factor = control.factor(accept, attempt.error, previous_error, rejections, self.order, cut)
        against = jnp.where(memory.stiff, fast < EXPLICIT_BOUND, fast > EXPLICIT_BOUND)
        votes = jnp.where(accept, jnp.where(against, memory.votes + 1, 0), memory.votes)
        change = votes >= jnp.where(memory.stiff, TO_EXPLICIT, self.patience)
        first = jnp.where(accept, after, before)
        return SwitchingMemory(
            memory.stiff ^ change,
            jnp.where(change, 0, votes).astype(jnp.int32),
            jnp.where(memory.stiff, 0.0, first),
            ~memory.stiff,
        ), factor


def _patience(system: System) -> int:
    """The number of explicit steps that take as long as one with a factorization, and at least `TO_STIFF`."""
    if system.size < MANY:
        return TO_STIFF
    return int(np.clip(steps_of_a_factorization(system), TO_STIFF, AT_MOST))


def steps_of_a_factorization(system: System) -> float:
    """The number of explicit steps that take as long as a factorization."""
    rows, columns = np.asarray(system.rows), np.asarray(system.columns)
    return estimate(rows, columns, system.size) / (ENTRY_WORK * len(rows))
