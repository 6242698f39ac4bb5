"""From snapshots of states to reduced equations: combinations of states, and rows of f that give all of it."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import qr

from stiffdsl.surrogate.core.between import straight
from stiffdsl.surrogate.core.formula import narrowed
from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.task import Equations, Task
from stiffdsl.surrogate.methods.galerkin.fixed_steps import graded
from stiffdsl.surrogate.methods.galerkin.reduced import GalerkinProjection

# The greatest error of a state by what is left out of it, as a share of its range.
TOLERANCE = 5e-4
# Rows of the matrix that combinations are made of.
_ROWS = 3000
# Combinations that are added at a time for rows that were not among them.
_ADDED = 2
# Rows of f that are evaluated beyond the number of combinations, as a share of it, and at least.
_BEYOND, _LEAST_BEYOND = 0.25, 4
# Directions of f that are smaller than this share of the largest are left out.
_NEGLIGIBLE = 1e-7
# States between knots are taken where this share of the way is gone.
_BETWEEN = 0.4
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Solved `states` (k, I, n) at `times` (I,), and inputs `u` (k, I, i), of the training samples numbered `which`."""

    which: np.ndarray
    times: np.ndarray
    states: np.ndarray
    u: np.ndarray

    def joined(self, other: "Snapshots") -> "Snapshots":
        return Snapshots(
            np.r_[self.which, other.which],
            self.times,
            np.concatenate([self.states, other.states]),
            np.concatenate([self.u, other.u]),
        )


def solved(equations: Equations, task: Task, samples: Samples, which: np.ndarray) -> Snapshots:
    """States at knots, between them, and often after the start."""
    knots = task.times
    between = knots[1:-1] + _BETWEEN * np.diff(knots)[1:]
    times = np.union1d(graded(knots), between)
    states, good = equations.states(samples.values[which], times)
    constant, matrix = equations.inputs
    drives = samples.values[which[good], task.scalars :].reshape(-1, len(task.drives), len(knots))
    u = straight(times, knots) @ (constant + drives.swapaxes(1, 2) @ matrix)
    return Snapshots(which[good], times, states[good], u)


@dataclass(frozen=True, eq=False)
class Basis:
    """States are `mean` + `size` * (`modes` @ x): combinations of states."""

    mean: np.ndarray
    size: np.ndarray
    modes: np.ndarray

    @property
    def lift(self) -> np.ndarray:
        return self.size[:, None] * self.modes

    def reduce(self, states: np.ndarray) -> np.ndarray:
        return ((states - self.mean) / self.size) @ self.modes


def projected(
    equations: Equations, known: Snapshots, scalars: np.ndarray, seed: int
) -> tuple[Basis, GalerkinProjection]:
    """The combinations that `known` states need, and the equations of them; `scalars` (k, d) go with the states."""
    flat = known.states.reshape(-1, equations.size)
    mean, spread, largest = flat.mean(0), np.ptp(flat, axis=0), np.abs(flat).max(0)
    size = np.where(spread > 1e-12 * largest, spread, np.where(largest > 0, largest, 1.0))
    rows = np.sort(np.random.default_rng([seed, 16]).permutation(len(flat))[:_ROWS])
    scaled = (flat - mean) / size
    modes = _modes(scaled, rows)
    basis, every = Basis(mean, size, modes), np.arange(equations.size)
    chosen, gather = every, np.diag(1 / size)
    if modes.shape[1] < len(modes):
        whole = _reduced(equations, mean, np.diag(size), gather, every)
        slope = _right_hand_sides(whole, scalars, known).reshape(flat.shape)[rows]
        chosen, gather = _interpolated(slope / size, modes)
        gather /= size[chosen][:, None]
    return basis, _reduced(equations, mean, basis.lift, gather, chosen)


def _modes(scaled: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n, r) orthonormal combinations that leave less than `TOLERANCE` of every state; all where few are left out."""
    n = scaled.shape[1]
    _, _, Vt = np.linalg.svd(scaled[rows], full_matrices=False)
    low, high = 1, len(Vt)
    while low < high:
        middle = (low + high) // 2
        if np.abs(_left(scaled[rows], Vt[:middle].T)).max() <= TOLERANCE:
            high = middle
        else:
            low = middle + 1
    V = Vt[:low].T
    # What other rows have of their own is added.
    while 2 * V.shape[1] < n:
        left = _left(scaled, V)
        own = left[np.abs(left).max(1) > TOLERANCE]
        if not len(own):
            return np.ascontiguousarray(V)
        worst = np.argsort(-np.abs(own).max(1), kind="stable")[:_ROWS]
        V = np.linalg.qr(np.c_[V, np.linalg.svd(own[worst], full_matrices=False)[2][:_ADDED].T])[0]
    return np.eye(n)


def _left(scaled: np.ndarray, V: np.ndarray) -> np.ndarray:
    return scaled - (scaled @ V) @ V.T


def _interpolated(slope: np.ndarray, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries of f from which the others follow, and what each of them adds to x' (in the scale of `slope`)."""
    n, r = modes.shape
    _, sigma, Vt = np.linalg.svd(slope, full_matrices=False)
    count = min(n, r + max(_LEAST_BEYOND, int(_BEYOND * r)), int(np.sum(sigma > _NEGLIGIBLE * sigma[0])))
    vectors = Vt[:count].T
    chosen = _pivots(vectors.T, count)
    return chosen, np.linalg.solve(vectors[chosen].T, vectors.T @ modes)


def _pivots(matrix: np.ndarray, count: int) -> np.ndarray:
    """The columns that are furthest from being combinations of others, ascending."""
    found: Any = qr(matrix, mode="economic", pivoting=True)[-1]
    return np.sort(found[:count])


def _reduced(
    equations: Equations,
    mean: np.ndarray,
    lift: np.ndarray,
    gather: np.ndarray,
    chosen: np.ndarray,
) -> GalerkinProjection:
    """The rows `chosen` of f, and what they and the outputs read."""
    rhs = narrowed(equations.rhs, chosen)
    both = rhs, equations.outputs
    kept = np.unique(np.concatenate([f.reads.get("y", _NONE) for f in both]))
    used = np.unique(np.concatenate([f.reads.get("p", _NONE) for f in both]))
    parameters = narrowed(equations.parameters, used) if len(used) else equations.parameters
    base, matrix, mask = equations.given
    of_given, of_mask = (parameters.reads.get(name, _NONE) for name in ("given", "mask"))
    constant, signals = equations.inputs
    return GalerkinProjection(
        kept,
        used,
        mean[kept],
        np.ascontiguousarray(lift[kept]),
        rhs,
        gather,
        parameters,
        base[of_given],
        np.ascontiguousarray(matrix[:, of_given]),
        mask[of_mask],
        constant,
        signals,
    )


def _right_hand_sides(whole: GalerkinProjection, scalars: np.ndarray, known: Snapshots) -> np.ndarray:
    """(k, I, n) f along trajectories."""
    formula, times = whole.rhs, known.times

    @jax.jit
    def lane(scalars: Any, y: Any, u: Any) -> Any:
        p = whole.vector(jnp, scalars[None])
        given = {"y": y.T[formula.reads.get("y", _NONE)], "u": u.T[formula.reads.get("u", _NONE)], "t": times}
        found = formula(jnp, given, whole.known(jnp, formula, p))
        return jnp.broadcast_to(found, (formula.size, len(times))).T

    return np.array([lane(*given) for given in zip(scalars, known.states, known.u, strict=True)])
