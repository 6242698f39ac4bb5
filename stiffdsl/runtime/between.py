"""Algebraic unknowns between steps, where their equations have kinks.

Dense output runs through the ends of a step. An algebraic unknown with a `min`, an `abs` or an `if` in its equations
may bend in between, which no state shows: there the step is not rejected, and the polynomial misses the bend by more
than any tolerance. So at times between steps such unknowns are solved for, the states held.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from stiffdsl import native
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.backend import backend
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.initialization.consistent_start import Anchor
from stiffdsl.runtime.initialization.initial_state import anchor
from stiffdsl.runtime.system import held_at
from stiffdsl.solve.integrate.time_events import Consistent
from stiffdsl.solve.newton.damped_newton import NewtonResult
from stiffdsl.solve.newton.square_systems import OwnSearch

ITERATIONS, CLOSE = 12, 1e-12
# Up to this many unknowns, factors are dense.
DENSE = 100


def held(system: Any, times: Any, y: Any, args: Any, search: OwnSearch | None = None) -> Any:
    """Values y (times, n) with algebraic unknowns solved for, inside of a trace."""
    consistent = Consistent(system, search)

    def one(t, y):
        found, good = consistent(t, y, held_at(args, args.inputs(t)))
        return jnp.where(good, found, y)

    return jax.vmap(one)(times, y)


@artifact
def searching(model: CompiledProgram) -> OwnSearch | None:
    """A kernel that looks for algebraic unknowns, for programs of JAX; None where XLA compiles the search soon."""
    program = model.program
    functions = [program.by_name[name] for name in ("rhs", "jacobian")]
    # Which side of a jump in time counts is given where steps are made.
    if any("side" in f.arguments for f in functions):
        return None
    if sum(len(f.ops) for f in functions) < model.thresholds.between_kernel:
        return None
    problem, known = native.algebraic_problem(program), anchor(model)
    made = backend().search(problem, None if known is None else _sample(model, known), model.thresholds.form)
    if made is None:
        return None
    unknowns = problem.free
    n = len(unknowns)

    def search(x0: Any, context: Any) -> NewtonResult:
        t, y, args = context
        found = made.kernel(t, y.at[unknowns].set(x0), args.p, args.inputs(t), jnp.zeros(1))
        good, nothing = found[n] > 0, jnp.zeros(min(3, n), dtype=jnp.int32)
        x = jnp.where(good, found[:n], x0)
        return NewtonResult(x, good, found[n + 1].astype(jnp.int32), 0 * x0, nothing)

    return OwnSearch(search, made.factors)


def _sample(model: CompiledProgram, known: Anchor) -> np.ndarray:
    """The algebraic entries of the Jacobian where the declared model begins."""
    program = model.program
    massless = program.mass == 0
    t = float(model.experiment.get("time", (0.0, 0.0))[0])
    u = known.args.inputs.at(t)
    with np.errstate(all="ignore"):
        values = np.asarray(model.interpreted.jacobian(t, known.y, np.asarray(known.args.p), u), dtype=float)
    return values[massless[program.rows] & massless[program.columns]]


class Between:
    """Values of y at times between steps: those of the dense output, with algebraic unknowns solved for."""

    def __init__(
        self, model: CompiledProgram, dense: Callable[[np.ndarray], np.ndarray], p: np.ndarray, inputs: Any
    ):
        self.program, self.functions = model.program, model.interpreted
        self.dense, self.p, self.inputs = dense, p, inputs
        self.unknowns = np.flatnonzero(self.program.mass == 0)
        place = np.full(self.program.size, -1)
        place[self.unknowns] = np.arange(len(self.unknowns))
        rows, columns = place[self.program.rows], place[self.program.columns]
        self.kept = np.flatnonzero((rows >= 0) & (columns >= 0))
        self.rows, self.columns = rows[self.kept], columns[self.kept]

    def __call__(self, times: Any) -> np.ndarray:
        y = np.array(self.dense(times), dtype=float)
        times = np.atleast_1d(np.asarray(times, dtype=float))
        return self.held(times, y)

    def held(self, times: np.ndarray, y: np.ndarray) -> np.ndarray:
        """y with algebraic unknowns solved for; as it is where that does not succeed, and at the jumps of inputs."""
        u = self.inputs.table(times)
        jumps = [np.asarray(s.times)[np.asarray(s.jumps)] for s in self.inputs.signals if s.jumps is not None]
        apart = np.isin(times, np.concatenate([np.zeros(0), *jumps]))
        found = y.copy()
        with np.errstate(all="ignore"):
            for k in np.flatnonzero(~apart & np.isfinite(y).all(axis=1)):
                found[k] = self._one(times[k], y[k], u[k])
        return found

    def _one(self, t: float, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        found = y.copy()
        for _ in range(ITERATIONS):
            left = np.asarray(self.functions.rhs(t, found, self.p, u))[self.unknowns]
            values = np.asarray(self.functions.jacobian(t, found, self.p, u))[self.kept]
            if not (np.isfinite(left).all() and np.isfinite(values).all()):
                return y
            step = self._solved(values, -left)
            if step is None:
                return y
            found[self.unknowns] += step
            if np.all(np.abs(step) <= CLOSE * (1 + np.abs(found[self.unknowns]))):
                return found
        return y

    def _solved(self, values: np.ndarray, right: np.ndarray) -> np.ndarray | None:
        """The solution of the algebraic rows, or None where their matrix is singular."""
        n = len(self.unknowns)
        matrix = scipy.sparse.coo_array((values, (self.rows, self.columns)), shape=(n, n))
        try:
            if n <= DENSE:
                return np.linalg.solve(matrix.toarray(), right)
            return scipy.sparse.linalg.splu(matrix.tocsc()).solve(right)
        except (np.linalg.LinAlgError, RuntimeError):
            return None
