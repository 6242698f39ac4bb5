"""An ESDIRK method of order five: seven stages, the first explicit, one matrix for all, stiffly accurate.

    M k_i = f(t + c_i h, Y_i),   Y_i = y + h sum_j<i a_ij k_j + h gamma k_i,   y1 = Y_7,   error = Y_7 - Y_6

Kvaerno, Singly diagonally implicit Runge-Kutta methods with an explicit first stage, BIT 44:489-502, 2004. The first
stage is the last one of the step before. Both Y_7 and Y_6, of order four, satisfy the algebraic equations. Dense output
is of order four, three for algebraic unknowns.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.method import Attempt, Tolerance, Work, leaving, norm, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import System
from stiffdsl.solve.newton import singular
from stiffdsl.solve.newton.corrector import Corrector, Prepared

GAMMA = 0.26
# Rows of A below its diagonal.
A = (
    (),
    (0.26,),
    (0.13, 0.84033320996790809),
    (0.22371961478320505, 0.47675532319799699, -0.06470895363112615),
    (0.16648564323248321, 0.1045001884159172, 0.03631482272098715, -0.13090704451073998),
    (0.13855640231268224, 0.0, -0.04245337201752043, 0.02446657898003141, 0.61943039072480676),
    (
        0.13659751177640291,
        0.0,
        -0.05496908796538376,
        -0.04118626728321046,
        0.62993304899016403,
        0.06962479448202728,
    ),
)
# Guesses of a stage from those before it, as used by OrdinaryDiffEq.jl; the last one is that before it.
GUESS = (
    (),
    (1.0,),
    (-1.366025403784441, 2.3660254037844357),
    (-0.19650552613122207, 0.8113579546496623, 0.38514757148155954),
    (0.10375304369958693, 0.937994698066431, -0.04174774176601781),
    (-0.17281112873898072, 0.6235784481025847, 0.5492326806363959),
)
STAGES = len(A)
# The last iterate may be off by so much of the tolerance, times the corrector's own share.
SHARE = 0.2
# The derivative of an algebraic unknown at the start is taken over this share of the first step.
SMALL = 1e-6


def _square(rows: tuple[tuple[float, ...], ...]) -> np.ndarray:
    matrix = np.zeros((STAGES, STAGES))
    for i, row in enumerate(rows):
        matrix[i, : len(row)] = row
    return matrix


LOWER = _square(A)
A_MATRIX = LOWER + np.diag([0.0] + [GAMMA] * (STAGES - 1))
C = A_MATRIX.sum(axis=1)


def _dense_weights() -> np.ndarray:
    """w_iq of y(theta) = y + h sum_i sum_q w_iq theta^q k_i: the smallest that meet the conditions.

    As A c = c^2/2, five are left of the eight of order four. The sixth makes cubic algebraic unknowns exact: their
    stages are values, and k_2 ... k_7 follow from these by the inverse of A.
    """
    inverse = np.zeros((STAGES, STAGES))
    inverse[1:, 1:] = np.linalg.inv(A_MATRIX[1:, 1:])
    conditions = np.stack([np.ones(STAGES), C, C**2, C**3, A_MATRIX @ C**2, inverse @ C**3])
    wanted = np.zeros((6, 4))
    wanted[[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 3, 2]] = [1, 1 / 2, 1 / 3, 1 / 4, 1 / 12, 1]
    at_end = np.kron(np.eye(STAGES), np.ones((1, 4)))
    everywhere = np.kron(conditions, np.eye(4))
    left, right = np.vstack([everywhere, at_end]), np.concatenate([wanted.ravel(), A_MATRIX[-1]])
    return np.linalg.lstsq(left, right, rcond=1e-12)[0].reshape(STAGES, 4)


def _dense_rows() -> np.ndarray:
    """The same in the common form of dense output."""
    columns = []
    for w in _dense_weights():
        polynomial = np.r_[w[::-1], 0.0] - np.r_[0.0, 0.0, 0.0, w.sum(), 0.0]
        quotient, _ = np.polydiv(polynomial, [-1.0, 1.0, 0.0])
        columns.append(quotient[::-1])
    return np.array(columns).T


K_MATRIX = _dense_rows()


class Memory(NamedTuple):
    """The last stage of the step before, what serves to solve the next stages, and their mode (`singular.py`)."""

    first: Any
    prepared: Prepared | None
    mode: Any


class Kvaerno5:
    """The method for one system; with `compact` it keeps no Jacobian and no factors from step to step."""

    name = "kvaerno5"
    order = 5
    rows = len(K_MATRIX)

    def __init__(self, system: System, compact: bool = False, linear: str = "auto"):
        self.system = system
        self.corrector = Corrector(system, not compact, linear)
        self.mass = np.asarray(system.mass, dtype=float)

    def start(self, t, y, h, args, tolerance: Tolerance) -> Memory:
        del tolerance
        return self.begun(self._first(t, y, h, args))

    def begun(self, slope) -> Memory:
        """The memory where the derivative is known."""
        return Memory(slope, self.corrector.start(), singular.start())

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

    def attempt(self, memory: Memory, t, y, h, args, tolerance: Tolerance) -> Attempt:
        # A finished lane of a batch tries steps of no length.
        h = jnp.where(h == 0, 1e-30, h)
        alpha = 1.0 / (h * GAMMA)
        tolerated = SHARE * scale(y, y, tolerance)
        lower, guess, c = jnp.asarray(LOWER), jnp.asarray(_square(GUESS)), jnp.asarray(C)

        def stage(i, carry):
            k, _, value, prepared, status, noise, sound, work = carry
            base = y + h * (lower[i] @ k)
            predicted = jnp.where(i == STAGES - 1, value, base + h * GAMMA * (guess[i] @ k))
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
        k = jnp.zeros((STAGES, self.system.size)).at[0].set(memory.first)
        noise = jnp.zeros(self.system.size if self.corrector.algebraic.any() else ())
        yes = jnp.ones((), dtype=bool)
        start = (k, y, y, memory.prepared, zero, noise, yes, Work(zero, zero, zero, zero, zero))
        k, before, y1, prepared, status, noise, sound, work = lax.fori_loop(1, STAGES, stage, start)
        scaled = (y1 - before) / (scale(y, y1, tolerance) + noise)
        error = jnp.where(status == Status.SUCCESS, norm(scaled), jnp.inf)
        K = h * (jnp.asarray(K_MATRIX) @ k)
        after = Memory(k[-1], prepared, memory.mode)
        return Attempt(y1, scaled, error, status, K, (memory.first, after, sound), work)

    def renewed(self, memory: Memory) -> Memory:
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
        return Memory(jnp.where(accept, after.first, before), prepared, mode), factor
