"""Backward differentiation of order one to five with variable steps and fixed leading coefficient.

For index-1 systems `M y' = f(t, y)`. The predictor is the polynomial through the last k+1 values, kept as
divided differences d_j = [y_n, ..., y_(n-j)] and distances s_j = t_n - t_(n-j), so that any step size may follow
any other:

    predicted  = y_n + sum_j d_j p_j,   p_j = h (h + s_1) ... (h + s_(j-1)),   and its derivative at t_n + h
    M (predicted' + (lead_k / h) (y - predicted)) = f(t_n + h, y),             lead_k = 1 + 1/2 + ... + 1/k

Jackson and Sacks-Davis, ACM TOMS 6:295, 1980; Brenan, Campbell and Petzold, Numerical Solution of Initial-Value
Problems in Differential-Algebraic Equations, 1996, chapter 5; Shampine, J. Numer. Math. 10:291, 2002. The choice
of order and step follows CVODE (Hindmarsh et al., ACM TOMS 31:363, 2005) with DASSL's test of decreasing terms.
"""

from math import factorial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.error_norm import ErrorNorm
from stiffdsl.solve.base.method import Attempt, Tolerance, scale
from stiffdsl.solve.base.system import System
from stiffdsl.solve.linear.linear_systems import LinearSolver
from stiffdsl.solve.newton import singular
from stiffdsl.solve.newton.corrector import Corrector, CorrectorMemory

ORDERS = 5
LEAD = np.cumsum(1.0 / np.arange(1, ORDERS + 1))
# What a step of order q adds to the error is ERROR[q] |h|^(q+1) |d_(q+1)|, with y^(q+1) = (q+1)! d_(q+1): the defect
# h^(q+1) y^(q+1) / (q+1) over the sum of the coefficients of f, which is one (Henrici's error constant). The error of
# the new value alone is less by lead_q, but the values after it inherit the rest.
ERROR = np.array([0.0] + [factorial(q) for q in range(1, ORDERS + 1)])
# The next step is chosen for a local error of one over these.
BIAS_LOWER, BIAS_SAME, BIAS_HIGHER = 8.0, 8.0, 12.0
GREATEST = 10.0
# A step is kept unless it may grow by this factor or should shrink by that. Factors serve for small changes.
WORTHWHILE, NEEDED = 1.1, 0.9
# Newton's iteration may leave so many times what it may of a stage of another method (`corrector.py`).
LEAVING = 2.0


class FbdfMemory(NamedTuple):
    """The history that a step hands to the next.

    `differences` d_1 ... d_5, `distances` s_0 = 0 ... s_5; `points` says how many of the last values belong to
    one smooth piece, `wait` how many steps to go before order or step may change; `mode`: `singular.py`.
    """

    differences: Any
    distances: Any
    order: Any
    points: Any
    wait: Any
    prepared: CorrectorMemory | None
    mode: Any


class FbdfTrial(NamedTuple):
    """An attempt: the memory before it, the differences d_1 ... d_6 with the new value and their scaled norms, and
    the error without the algebraic unknowns; whether the values that it began with were finite."""

    memory: FbdfMemory
    differences: Any
    sizes: Any
    states_error: Any
    sound: Any


class FBDF:
    """The method for one system.

    With `compact` it keeps no Jacobian and no factors: the memory of a large system stays small, and any attempt can
    be made again out of turn.
    """

    name = "fbdf"
    # That of the first step, whose size the loop chooses by it.
    order = 2
    rows = ORDERS - 1

    def __init__(self, system: System, compact: bool = False, linear: str = "auto"):
        self.system, self.norm = system, ErrorNorm(system)
        self.corrector = Corrector(system, not compact, linear)
        self.algebraic = np.asarray(system.mass) == 0

    @property
    def linear_solvers(self) -> list[LinearSolver]:
        """All that hold factors from one call to the next."""
        return [self.corrector.linear]

    def start(self, t, y, h, args, tolerance: Tolerance) -> FbdfMemory:
        """The first value counts twice: with its derivative. That of an algebraic unknown is not known."""
        del h, tolerance
        slope = jnp.asarray(~self.algebraic, dtype=y.dtype) * self.system.rhs(t, y, args)
        return self.begun(jnp.where(jnp.isfinite(slope), slope, 0.0))

    def begun(self, slope) -> FbdfMemory:
        """The memory where the derivative is known."""
        return FbdfMemory(
            differences=jnp.zeros((ORDERS, self.system.size))
            .at[0]
            .set(jnp.where(self.algebraic, 0.0, slope)),
            distances=jnp.zeros(ORDERS + 1),
            order=jnp.ones((), dtype=jnp.int32),
            points=jnp.full((), 1 if self.algebraic.any() else 2, dtype=jnp.int32),
            wait=jnp.full((), 2, dtype=jnp.int32),
            prepared=self.corrector.start(),
            mode=singular.start(),
        )

    def attempt(self, memory: FbdfMemory, t, y, h, args, tolerance: Tolerance) -> Attempt:
        # A finished lane of a batch tries steps of no length: none is kept, but none may bring infinite values.
        h = jnp.where(h == 0, 1e-30, h)
        k = memory.order
        reach = h + memory.distances
        predicted, slope = self._predict(memory, y, reach, k)
        lead = jnp.asarray(LEAD)[k - 1]
        # What the step adds to the error over (new value - predicted), for the steps as they were.
        parts = h / reach
        sums = jnp.sum(jnp.where(jnp.arange(ORDERS + 1) < k, parts, 0.0))
        share = jnp.maximum(jnp.abs(parts[k] - lead + sums), parts[k])
        # What the iteration leaves is an error of the new value, however small a share of it the estimate sees.
        tolerated = LEAVING * scale(y, predicted, tolerance)
        given = (t + h, predicted, slope, lead / h, tolerated, args)
        solved = self.corrector.solve(memory.prepared, *given, memory.mode)
        y1 = solved.y
        # Rounding comes in with the values before, too: the higher the order, the more of it.
        size = scale(y, y1, tolerance) + lead * solved.noise
        error = self.norm.scaled(share * (y1 - predicted), size)
        states = jnp.where(self.algebraic, 0.0, error)
        # After a jump, algebraic unknowns have no past to compare with: their equations alone fix them.
        error = jnp.where(memory.points <= 1, states, error)
        new = [(y1 - y) / h]
        for j in range(ORDERS):
            new.append((new[-1] - memory.differences[j]) / reach[j + 1])
        new = jnp.stack(new)
        sizes = lax.stop_gradient(self.norm(self.norm.scaled(new, size), axis=1))
        tried = FbdfTrial(
            memory._replace(prepared=solved.prepared), new, sizes, self.norm(states), solved.sound
        )
        total = jnp.where(solved.converged, self.norm(error), jnp.inf)
        K = self._dense(new, memory.distances, h, k)
        return Attempt(y1, error, total, solved.status, K, tried, solved.work)

    def renewed(self, memory: FbdfMemory) -> FbdfMemory:
        """The memory where the Jacobian has changed."""
        return memory._replace(prepared=self.corrector.renewed(memory.prepared))

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut=1.0):
        del t, y, previous_error
        tried: FbdfTrial = attempt.memory
        memory = tried.memory
        accepted, growth = self._accepted(tried, attempt.error, h)
        mode = singular.following(memory.mode, accept, tried.sound, rejections)
        kept, shrink = self._rejected(tried, attempt.error, h, rejections)

        def choose(a, b):
            return jnp.where(accept, a, b)

        after_jump = self.algebraic & (memory.points <= 0)
        differences = jnp.where(after_jump, 0.0, tried.differences[:ORDERS])
        memory = memory._replace(
            differences=choose(differences, memory.differences),
            distances=choose(jnp.concatenate([jnp.zeros(1), h + memory.distances[:-1]]), memory.distances),
            order=choose(accepted[0], kept[0]),
            points=choose(accepted[1], kept[1]),
            wait=choose(accepted[2], kept[2]),
            prepared=self.corrector.older(memory.prepared, accept),
            mode=mode,
        )
        # What was cut to end at a knot goes on as it was meant to.
        growth = jnp.where(cut > 1.0, jnp.maximum(growth, cut), growth)
        # Another mode tries the same step.
        shrink = jnp.where(mode != tried.memory.mode, 1.0, shrink)
        return memory, lax.stop_gradient(choose(growth, shrink))

    def _accepted(self, tried: FbdfTrial, error, h):
        """Order, points, steps to wait before the next change, and the factor for the step."""
        memory = tried.memory
        k = memory.order
        points = jnp.minimum(memory.points + 1, ORDERS + 2)
        lower, higher, rough = self._errors(tried, h)
        eta_same = (BIAS_SAME * error + 1e-12) ** (-1.0 / (k + 1))
        eta_lower = jnp.where(k > 1, (BIAS_LOWER * lower + 1e-12) ** (-1.0 / k), 0.0)
        may = (k < ORDERS) & (points >= k + 3) & ~rough
        eta_higher = jnp.where(may, (BIAS_HIGHER * higher + 1e-12) ** (-1.0 / (k + 2)), 0.0)
        down = (k > 1) & (rough | (eta_lower > jnp.maximum(eta_same, eta_higher)))
        up = ~down & (eta_higher > eta_same)
        eta = jnp.where(down, eta_lower, jnp.where(up, eta_higher, eta_same))
        change = (memory.wait <= 1) & ((eta >= WORTHWHILE) | (eta < NEEDED) | (down & rough))
        order = jnp.where(change, k - down + up, k)
        wait = jnp.where(change, order + 1, jnp.maximum(memory.wait - 1, 0))
        keep = ~change | ((eta >= NEEDED) & (eta < WORTHWHILE))
        return (order, points, wait), jnp.where(keep, 1.0, jnp.minimum(eta, GREATEST))

    def _rejected(self, tried: FbdfTrial, error, h, rejections):
        """The same after a rejected attempt."""
        memory = tried.memory
        k = memory.order
        failed = ~jnp.isfinite(error)
        lower, _, _ = self._errors(tried, h)
        eta_same = (BIAS_SAME * error) ** (-1.0 / (k + 1))
        eta_lower = jnp.where(k > 1, (BIAS_LOWER * lower) ** (-1.0 / k), 0.0)
        down = ~failed & (eta_lower > eta_same)
        factor = jnp.clip(jnp.maximum(eta_same, eta_lower), 0.2, 0.9)
        factor = jnp.where(failed | (rejections >= 1), 0.25, factor)
        # Algebraic unknowns alone are in the way, and not for the first time: they jump. Step over it.
        jump = ~failed & ((rejections >= 1) | (memory.wait >= 1)) & (tried.states_error <= 1.0)
        restart = jump | (~failed & (rejections >= 2))
        order = jnp.where(restart, 1, k - down)
        points = jnp.where(restart, 0, memory.points)
        return (order, points, order + 1), jnp.where(jump, 1.0, factor)

    def _errors(self, tried: FbdfTrial, h):
        """Local errors the step would have had with one order less, and with one more; and whether terms of higher
        order are not smaller than those before them: then the order is too high for the step, or BDF not stable."""
        k, size = tried.memory.order, jnp.abs(h)
        terms = tried.sizes * size ** jnp.arange(1, ORDERS + 2)
        constants = jnp.asarray([1.0, *ERROR[1:], 0.0])
        lower = constants[k - 1] * terms[k - 1]
        higher = constants[k + 1] * terms[jnp.minimum(k + 1, ORDERS)]
        derivatives = terms * jnp.asarray([float(factorial(q)) for q in range(1, ORDERS + 2)])
        rough = (k >= 3) & (jnp.maximum(derivatives[k - 1], derivatives[k - 2]) <= derivatives[k])
        return lower, higher, rough

    def _predict(self, memory: FbdfMemory, y, reach, k):
        """The polynomial of degree k through the last values, and its derivative, at the end of the step."""
        predicted, slope = y, jnp.zeros_like(y)
        product, derivative = jnp.ones(()), jnp.zeros(())
        for j in range(ORDERS):
            product, derivative = product * reach[j], derivative * reach[j] + product
            used = j < k
            predicted = predicted + jnp.where(used, product, 0.0) * memory.differences[j]
            slope = slope + jnp.where(used, derivative, 0.0) * memory.differences[j]
        return predicted, slope

    def _dense(self, new, distances, h, k):
        """The polynomial of degree k through the new value and those before it, in the common form."""
        rows = [jnp.zeros_like(new[0])] * self.rows
        # -h^2 (d_2 + d_3 (h theta + s_1) + d_4 (h theta + s_1) (h theta + s_2) + ...), by powers of theta.
        polynomial = [-h * h]
        for j in range(1, ORDERS):
            for power, coefficient in enumerate(polynomial):
                rows[power] = rows[power] + jnp.where(j < k, coefficient, 0.0) * new[j]
            s = distances[j]
            shifted = [0.0, *[h * c for c in polynomial]]
            polynomial = [a + s * b for a, b in zip(shifted, [*polynomial, 0.0], strict=True)]
        return jnp.stack(rows)
