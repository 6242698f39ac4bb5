"""RKC: an explicit method of order two with as many stages as stability asks for, for diffusion that is mildly stiff.

Stable for real negative eigenvalues down to about -0.65 s^2 / h with s stages, each one evaluation: the work grows with
the square root of the stiffness. Sommeijer, Shampine and Verwer, RKC: an explicit solver for parabolic PDEs, J. Comput.
Appl. Math. 88:315-326, 1998. The radius of the spectrum is bounded from the Jacobian. Dense output is Hermite's cubic.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, Work, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.stiffness import require_explicit, spectral_bound
from stiffdsl.solve.base.system import System

DAMPING = 2.0 / 13.0
# Stages at most; steps are held to what these are stable for.
MOST = 200
# h rho that s stages are taken for is (s - 1)^2 / MARGIN.
MARGIN = 1.54


class _Stage(NamedTuple):
    """The last two stages, their times as shares of the step, and the recurrence of Chebyshev polynomials at w0: their
    values, first and second derivatives, and b = T''/T'^2, each for the last and the one before."""

    y: Any
    y_before: Any
    c: Any
    c_before: Any
    z: Any
    z_before: Any
    dz: Any
    dz_before: Any
    ddz: Any
    ddz_before: Any
    b: Any
    b_before: Any


class Chebyshev:
    """The method for one system without algebraic equations. Raises `ValueError` for one that has some.

    `replayed` makes it differentiable in reverse mode: always `MOST` rounds, most of which do nothing.
    """

    name = "rkc2"
    order = 3
    rows = 2

    def __init__(self, system: System, replayed: bool = False):
        require_explicit(system, self.name)
        self.system, self.replayed, self.norm = system, replayed, ErrorNorm(system)

    def start(self, t, y, h, args, tolerance: Tolerance) -> Any:
        """The memory is the derivative at the start of the step."""
        del h, tolerance
        return self.system.rhs(t, y, args)

    def attempt(self, memory: Any, t, y, h, args, tolerance: Tolerance) -> Attempt:
        radius = lax.stop_gradient(spectral_bound(self.system, self.system.jacobian(t, y, args)))
        stiff = jnp.abs(lax.stop_gradient(h)) * radius
        wanted = jnp.ceil(jnp.sqrt(MARGIN * stiff + 1.0)) + 1.0
        # Beyond the limit the step cannot be stable: it is not made.
        stable = wanted <= MOST
        stages = jnp.where(stable, jnp.maximum(wanted, 2.0), 2.0).astype(jnp.int32)
        y1 = self._stages(memory, stages, t, y, h, args)
        last = self.system.rhs(t + h, y1, args)
        error = 0.8 * (y - y1) + 0.4 * h * (memory + last)
        scaled = self.norm.scaled(error, scale(y, y1, tolerance))
        error = jnp.where(stable, self.norm(scaled), jnp.inf)
        status = jnp.where(jnp.isfinite(self.norm(scaled)), Status.SUCCESS, Status.NON_FINITE).astype(
            jnp.int32
        )
        inner = y1 - y
        K = jnp.stack([h * memory - inner, 2.0 * inner - h * (memory + last)])
        most = jnp.where(stiff > 0, (MOST - 2) ** 2 / MARGIN / stiff, jnp.inf)
        return Attempt(y1, scaled, error, status, K, (memory, last, most), Work(stages, 1, 0))

    def _stages(self, first, stages, t, y, h, args):
        s = stages.astype(float)
        w0 = 1.0 + DAMPING / s**2
        root = jnp.sqrt(w0**2 - 1.0)
        angle = s * jnp.log(w0 + root)
        w1 = jnp.sinh(angle) * root**2 / (jnp.cosh(angle) * s * root - w0 * jnp.sinh(angle))
        b = 1.0 / (2.0 * w0) ** 2
        one, zero = jnp.ones(()), jnp.zeros(())
        start = _Stage(y + h * w1 * b * first, y, w1 * b, zero, w0, one, one, zero, zero, zero, b, b)

        def stage(k: _Stage) -> _Stage:
            z = 2.0 * w0 * k.z - k.z_before
            dz = 2.0 * w0 * k.dz - k.dz_before + 2.0 * k.z
            ddz = 2.0 * w0 * k.ddz - k.ddz_before + 4.0 * k.dz
            b = ddz / dz**2
            rest = k.z * k.b
            mu, nu = 2.0 * w0 * b / k.b, -b / k.b_before
            share = mu * w1 / w0
            slope = self.system.rhs(t + k.c * h, k.y, args) - (1.0 - rest) * first
            after = mu * k.y + nu * k.y_before + (1.0 - mu - nu) * y + h * share * slope
            c = mu * k.c + nu * k.c_before + share * rest
            return _Stage(after, k.y, c, k.c, z, k.z, dz, k.dz, ddz, k.ddz, b, k.b)

        if not self.replayed:
            return lax.fori_loop(2, stages + 1, lambda _, k: stage(k), start).y

        def one_round(k, j):
            return lax.cond(j <= stages, stage, lambda k: k, k), None

        return lax.scan(one_round, start, jnp.arange(2, MOST + 1))[0].y

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        del t, y, h
        before, after, most = attempt.memory
        factor = control.factor(accept, attempt.error, previous_error, rejections, self.order, cut)
        # A step that only stability forbade is cut to what is stable.
        unstable = ~accept & (most < 1.0) & (attempt.status == Status.SUCCESS)
        factor = jnp.where(unstable, jnp.minimum(0.99 * most, 0.9), jnp.minimum(factor, 0.99 * most))
        return jnp.where(accept, after, before), factor
