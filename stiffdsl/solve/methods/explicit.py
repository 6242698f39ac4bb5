"""An explicit Runge-Kutta method of order five, for problems that are not stiff.

    k_i = f(t + c_i h, y + h sum_j a_ij k_j),   y1 = y + h sum_i b_i k_i,   error = h sum_i e_i k_i

Tsitouras, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption, Computers
and Mathematics with Applications 62:770-775, 2011, with its interpolant of order four. The last stage is the
first one of the next step.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import control
from stiffdsl.solve.base.method import Attempt, Tolerance, Work, norm, scale
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.stiffness import require_explicit
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate.branches import has_branches
from stiffdsl.solve.linear.linear_systems import WRITTEN_OUT

A = (
    (),
    (0.161,),
    (-0.008480655492356989, 0.335480655492357),
    (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
    (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
    (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
    (
        0.09646076681806523,
        0.01,
        0.4798896504144996,
        1.379008574103742,
        -3.290069515436081,
        2.324710524099774,
    ),
)
C = (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0)
# b minus the weights of order four.
E = (
    0.0017800110522257773,
    0.0008164344596567463,
    -0.007880878010261994,
    0.1447110071732629,
    -0.5823571654525552,
    0.45808210592918686,
    -1 / 66,
)
# y(theta) = y + h sum_i w_i(theta) k_i, with w_i as a factor and the roots or coefficients published.
WEIGHTS = (
    -1.0530884977290216
    * np.poly1d([1, 0])
    * np.poly1d([1, -1.3299890189751412])
    * np.poly1d([1, -1.4364028541716351, 0.7139816917074209]),
    0.1017 * np.poly1d([1, -2.1966568338249754, 1.2949852507374631, 0, 0]),
    2.490627285651252793 * np.poly1d([1, -2.38535645472061657, 1.57803468208092486, 0, 0]),
    -16.54810288924490272 * np.poly1d([1.21712927295533244, 0.61620406037800089, 0, 0], r=True),
    47.37952196281928122 * np.poly1d([1.203071208372362603, 0.658047292653547382, 0, 0], r=True),
    -34.87065786149660974 * np.poly1d([1.2, 2 / 3, 0, 0], r=True),
    2.5 * np.poly1d([1.0, 0.6, 0, 0], r=True),
)
STAGES = len(C)


def _a_matrix() -> np.ndarray:
    matrix = np.zeros((STAGES, STAGES))
    for i, row in enumerate(A):
        matrix[i, : len(row)] = row
    return matrix


def _rows() -> np.ndarray:
    """The interpolant in the common form: w - theta w(1) is divisible by theta (1 - theta)."""
    columns = []
    for weight in WEIGHTS:
        quotient, _ = np.polydiv((weight - np.poly1d([weight(1.0), 0])).coeffs, [-1.0, 1.0, 0.0])
        columns.append(quotient[::-1])
    return np.array(columns).T


A_MATRIX, K_MATRIX = _a_matrix(), _rows()


class Tsit5:
    """The method for one system without algebraic equations. Raises `ValueError` for one that has some."""

    name = "tsit5"
    order = 5
    rows = len(K_MATRIX)

    def __init__(self, system: System):
        require_explicit(system, self.name)
        self.system = system

    def start(self, t, y, h, args, tolerance: Tolerance) -> Any:
        """The memory is the derivative at the start of the step."""
        del h, tolerance
        return self.system.rhs(t, y, args)

    def attempt(self, memory: Any, t, y, h, args, tolerance: Tolerance) -> Attempt:
        k = self.stages(memory, t, y, h, args)
        return self.finished(k, y, h, tolerance)._replace(memory=(memory, k[-1]))

    def finished(self, k, y, h, tolerance: Tolerance) -> Attempt:
        """The attempt with stages k, without a memory."""
        y1 = y + h * (A_MATRIX[-1] @ k)
        scaled = h * (np.array(E) @ k) / scale(y, y1, tolerance)
        error = norm(scaled)
        status = jnp.where(jnp.isfinite(error), Status.SUCCESS, Status.NON_FINITE).astype(jnp.int32)
        arguments = (jnp.asarray(C), y + h * (A_MATRIX @ k)) if has_branches(self.system) else None
        return Attempt(y1, scaled, error, status, h * (K_MATRIX @ k), (), Work(STAGES - 1, 0, 0), arguments)

    def stages(self, first, t, y, h, args):
        """All derivatives as rows, given the first."""
        if self.system.size <= WRITTEN_OUT:
            stages = [first]
            for i in range(1, STAGES):
                increment = sum(a * k for a, k in zip(A[i], stages, strict=True))
                stages.append(self.system.rhs(t + C[i] * h, y + h * increment, args))
            return jnp.stack(stages)
        # A loop, so that JAX traces a large model once and not once a stage.
        a, c = jnp.asarray(A_MATRIX), jnp.asarray(C)

        def stage(i, k):
            return k.at[i].set(self.system.rhs(t + c[i] * h, y + h * (a[i] @ k), args))

        start = jnp.zeros((STAGES, self.system.size)).at[0].set(first)
        return lax.fori_loop(1, STAGES, stage, start)

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        del t, y, h
        before, after = attempt.memory
        factor = control.factor(accept, attempt.error, previous_error, rejections, self.order, cut)
        return jnp.where(accept, after, before), factor
