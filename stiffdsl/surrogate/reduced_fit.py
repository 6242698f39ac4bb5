"""Makes reduced equations: combinations of states, rows to evaluate, steps; then again with the worst trajectories.

States come from solves of a few training samples; all training samples say where the reduced model errs most, and
those trajectories are added (the greedy choice of Grepl and Patera, M2AN 39, 2005, by the error itself)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import qr

from stiffdsl.surrogate import neural
from stiffdsl.surrogate.driven_fit import Driven
from stiffdsl.surrogate.fixed_steps import Steps
from stiffdsl.surrogate.formula import narrowed
from stiffdsl.surrogate.neural import Network
from stiffdsl.surrogate.radial import tail
from stiffdsl.surrogate.reduced import Reduced, ReducedExpansion, slopes
from stiffdsl.surrogate.sample import Samples
from stiffdsl.surrogate.task import Equations, Task

# Trajectories whose states are solved for: at first, with every round, and rounds.
FIRST, MORE, ROUNDS = 64, 32, 2
# The greatest error of a state that is left out, as a share of its range, and of an output by steps that are too long.
TOLERANCE = 1e-3
# Steps are not made shorter for less than this gain.
_GAIN = 0.8
# Of trajectories, so many judge the steps; of their points, so many the rates.
_JUDGES, _POINTS = 48, 256
# Rates are taken to be this much larger elsewhere; explicit steps are for rates that are nearly real.
_FASTER, _TURNING = 1.25, 0.1
_PIECES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_MOST_STAGES, _FEW_STAGES = 24, 3
# Rows of the matrix that combinations are made of, and numbers in what is solved for at a time.
_ROWS, _NUMBERS = 3000, 200_000_000
# Rows of f that are evaluated beyond the number of combinations, as a share of it.
_BEYOND = 0.25
# Starts that a polynomial gives to this share of their size need no network.
_EXACT = 1e-7
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Solved states (k, M, n) of the training samples numbered `which`."""

    which: np.ndarray
    states: np.ndarray

    def joined(self, other: "Snapshots") -> "Snapshots":
        return Snapshots(np.r_[self.which, other.which], np.concatenate([self.states, other.states]))


def expand(
    task: Task, made: Driven, samples: Samples, equations: Equations, seed: int
) -> tuple[ReducedExpansion, dict[str, object]]:
    """The reduced equations, and what was chosen."""
    rng = np.random.default_rng([seed, 15])
    most = max(8, _NUMBERS // (len(task.times) * equations.size))
    order = rng.permutation(len(samples))
    known = _solved(equations, samples, order[: min(FIRST, most)])
    judges = np.sort(order[::-1][:_JUDGES])
    rounds = 0
    while True:
        fit = _Fit(task, made, samples, equations, known, seed)
        expansion, worst = fit.stepped(judges)
        error = _errors(expansion, samples, task.times, np.arange(len(samples)))
        rest = np.setdiff1d(np.argsort(-error, kind="stable")[:MORE], known.which)
        if rounds == ROUNDS or error.max() <= 2 * TOLERANCE or not len(rest) or len(known.which) >= most:
            break
        known = known.joined(_solved(equations, samples, rest))
        # The worst ones judge the steps, too.
        judges = np.union1d(judges, rest)
        rounds += 1
    steps = expansion.steps
    chosen: dict[str, object] = {
        "states": equations.size,
        "reduced": expansion.reduced.rank,
        "rows": expansion.reduced.rhs.size,
        "solved for states": len(known.which),
        "rounds": rounds,
        "steps": f"{steps.pieces} from knot to knot, "
        + (f"explicit of {steps.stages} stages" if steps.stages else "implicit")
        + (", single precision" if steps.single else ""),
        "error in training": float(error.max()),
        "error of judges": worst,
    }
    return expansion, chosen


def _solved(equations: Equations, samples: Samples, which: np.ndarray) -> Snapshots:
    states, good = equations.states(samples.values[which])
    return Snapshots(which[good], states[good])


def _errors(
    expansion: ReducedExpansion, samples: Samples, times: np.ndarray, which: np.ndarray
) -> np.ndarray:
    """(k,) the worst error of each trajectory, in scaled outputs; infinite where it is no number."""
    outputs = expansion.outputs
    reader = expansion.reader(times, np.arange(len(outputs.kind)))
    with np.errstate(all="ignore"):
        found = np.abs(reader.scaled(samples.values[which]) - outputs.scale(samples.trajectories[which]))
    return np.where(np.isfinite(found), found, np.inf).max(axis=(1, 2))


class _Fit:
    """Reduced equations of some snapshots, with steps still to choose."""

    def __init__(
        self,
        task: Task,
        made: Driven,
        samples: Samples,
        equations: Equations,
        known: Snapshots,
        seed: int,
    ):
        self.task, self.samples, self.known, self.equations = task, samples, known, equations
        states = known.states
        flat = states.reshape(-1, states.shape[2])
        self.mean = flat.mean(0)
        spread = np.ptp(flat, axis=0)
        self.size = np.where(spread > 1e-12 * np.abs(flat).max(0), spread, np.maximum(np.abs(self.mean), 1.0))
        rng = np.random.default_rng([seed, 16])
        rows = np.sort(rng.permutation(len(flat))[:_ROWS])
        scaled = (flat - self.mean) / self.size
        self.modes = _modes(scaled, rows)
        values = samples.values[known.which]
        self.u = _inputs(task, equations, values)
        self.reduced = self._projected(values, rows)
        x = np.einsum("kn,nr->kr", (states[:, 0] - self.mean) / self.size, self.modes)
        whole = made.expansion
        z = np.concatenate([made.z[known.which], made.u[known.which, 0]], axis=1)
        self.expansion = ReducedExpansion(
            whole.clock,
            whole.parameters,
            whole.outputs,
            whole.scalars,
            whole.inputs,
            whole.knots,
            self.reduced,
            _begin(z, x, seed),
            Steps(1, 0, False),
            equations.outputs,
            equations.scale,
            equations.shift,
        )

    def _projected(self, values: np.ndarray, rows: np.ndarray) -> Reduced:
        equations, modes = self.equations, self.modes
        n, r = modes.shape
        whole = _reduced(equations, self.mean, np.diag(self.size), np.eye(n), np.arange(n))
        if r == n:
            lift, gather, chosen = np.diag(self.size), np.diag(1 / self.size), np.arange(n)
        else:
            slope = _right_hand_sides(whole, values, self.known.states, self.u, self.task.times)
            slope = slope.reshape(-1, n)[rows] / self.size
            count = min(n, r + max(4, int(_BEYOND * r)))
            values_, vectors = np.linalg.eigh(slope.T @ slope) if n <= _ROWS else _large(slope)
            count = min(count, int(np.sum(values_ > 1e-14 * values_[-1])))
            basis = vectors[:, ::-1][:, :count]
            pivots: Any = qr(basis.T, mode="economic", pivoting=True)[-1]
            chosen = np.sort(pivots[:count])
            lift = self.size[:, None] * modes
            gather = np.linalg.solve(basis[chosen].T, basis.T @ modes) / self.size[chosen][:, None]
        return _reduced(equations, self.mean, lift, gather, chosen)

    def stepped(self, judges: np.ndarray) -> tuple[ReducedExpansion, float]:
        """With the cheapest steps that err little or hardly more than shorter ones; and their worst error."""
        found: list[tuple[float, ReducedExpansion]] = []
        for steps in self._candidates():
            made = self.expansion.with_steps(steps)
            error = float(_errors(made, self.samples, self.task.times, judges).max())
            found.append((error, made))
            if error <= TOLERANCE:
                break
        best = min(error for error, _ in found)
        error, made = next(f for f in found if f[0] * _GAIN <= max(best, TOLERANCE))
        single = made.with_steps(Steps(made.steps.pieces, made.steps.stages, True))
        rounded = float(_errors(single, self.samples, self.task.times, judges).max())
        if rounded <= max(TOLERANCE, 1.1 * error):
            return single, rounded
        return made, error

    def _candidates(self) -> Iterator[Steps]:
        """The cheapest first."""
        rate, real = self._rates()
        far = _FASTER * rate * float(np.diff(self.task.times).max())
        reduced, r = self.reduced, self.reduced.rank
        slope = 2 * r * (len(reduced.rhs.reads.get("y", ())) + reduced.rhs.size) + 4 * reduced.rhs.work
        solve = 3 * slope + r * (slope / 2 + 2 * r**2)
        costs: list[tuple[float, Steps]] = []
        for pieces in _PIECES:
            costs.append((pieces * solve, Steps(pieces, 0, False)))
            fitting = [s for s in range(2, _MOST_STAGES + 1) if Steps(pieces, s, False).reach >= far]
            if real and fitting:
                stages = max(fitting[0], _FEW_STAGES)
                costs.append((pieces * stages * slope, Steps(pieces, stages, False)))
        explicit = [c for c in costs if c[1].stages]
        if explicit:
            # Where explicit steps reach, implicit ones are for what they cost more than.
            costs = explicit
        return iter([steps for _, steps in sorted(costs, key=lambda c: c[0])])

    def _rates(self) -> tuple[float, bool]:
        """The fastest rate of the reduced equations, and whether explicit steps are for them."""
        known = self.known
        rng = np.random.default_rng(len(known.which))
        lanes, at = rng.integers(0, len(known.which), _POINTS), rng.integers(0, len(self.task.times), _POINTS)
        x = ((known.states[lanes, at] - self.mean) / self.size) @ self.modes
        scalars = self.samples.values[known.which[lanes], : self.task.scalars]

        def jacobian(values: Any, t: Any, x: Any, u: Any) -> Any:
            g = slopes(self.reduced, self.reduced.vector(jnp, values[None]), np.float64)
            return jax.jacfwd(lambda x: g(t, x[:, None], u[:, None])[:, 0])(x)

        found = jax.jit(jax.vmap(jacobian))(scalars, self.task.times[at], x, self.u[lanes, at])
        found = np.linalg.eigvals(np.asarray(found))
        fastest = float(np.abs(found).max())
        return fastest, bool(np.abs(found.imag).max() <= _TURNING * fastest)


def _modes(scaled: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n, r) orthonormal combinations that leave less than `TOLERANCE` of every state; all where few are left out."""
    n = scaled.shape[1]
    _, _, Vt = np.linalg.svd(scaled[rows], full_matrices=False)
    low, high = 1, min(len(Vt), n)
    while low < high:
        middle = (low + high) // 2
        V = Vt[:middle].T
        if max(_left(part, V) for part in np.array_split(scaled, max(1, len(scaled) // 2000))) <= TOLERANCE:
            high = middle
        else:
            low = middle + 1
    return np.eye(n) if 2 * low >= n else np.ascontiguousarray(Vt[:low].T)


def _left(scaled: np.ndarray, V: np.ndarray) -> float:
    return float(np.abs(scaled - (scaled @ V) @ V.T).max())


def _large(slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `eigh` of slope' slope, for more columns than rows."""
    _, sigma, Vt = np.linalg.svd(slope, full_matrices=False)
    return sigma[::-1] ** 2, Vt[::-1].T


def _reduced(
    equations: Equations,
    mean: np.ndarray,
    lift: np.ndarray,
    gather: np.ndarray,
    chosen: np.ndarray,
) -> Reduced:
    """The rows `chosen` of f, and what they and the outputs read."""
    rhs = narrowed(equations.rhs, chosen)
    both = rhs, equations.outputs
    kept = np.unique(np.concatenate([f.reads.get("y", _NONE) for f in both]))
    used = np.unique(np.concatenate([f.reads.get("p", _NONE) for f in both]))
    parameters = narrowed(equations.parameters, used) if len(used) else equations.parameters
    base, matrix, mask = equations.given
    of_given, of_mask = (parameters.reads.get(name, _NONE) for name in ("given", "mask"))
    constant, signals = equations.inputs
    return Reduced(
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


def _inputs(task: Task, equations: Equations, values: np.ndarray) -> np.ndarray:
    """(k, M, i) the inputs of the model at the knots."""
    constant, matrix = equations.inputs
    drives = values[:, task.scalars :].reshape(len(values), len(task.drives), len(task.times))
    return constant + drives.swapaxes(1, 2) @ matrix


def _right_hand_sides(
    whole: Reduced, values: np.ndarray, states: np.ndarray, u: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """(k, M, n) f along trajectories."""
    formula = whole.rhs
    scalars = values[:, : whole.given_by.shape[0]]

    @jax.jit
    def lane(scalars: Any, y: Any, u: Any) -> Any:
        p = whole.vector(jnp, scalars[None])
        given = {"y": y.T[formula.reads.get("y", _NONE)], "u": u.T[formula.reads.get("u", _NONE)], "t": times}
        found = formula(jnp, given, whole.known(jnp, formula, p))
        return jnp.broadcast_to(found, (formula.size, len(times))).T

    return np.array([lane(*given) for given in zip(scalars, states, u, strict=True)])


def _begin(z: np.ndarray, x: np.ndarray, seed: int) -> Network:
    """x at the first knot over [z, u]: a polynomial where it is one, else a network."""
    spread = np.abs(x - x.mean(0)).max()
    for degree in (0, 1, 2):
        products = tail(np, z, degree)
        if degree and products.shape[1] > len(z) // 2:
            break
        weights = np.linalg.lstsq(products, x, rcond=None)[0]
        if np.abs(products @ weights - x).max() <= _EXACT * max(spread, 1.0):
            d, r = z.shape[1], x.shape[1]
            nothing = (np.zeros((d, 1)), np.zeros((1, r))), (np.zeros(1), np.zeros(r))
            return Network(degree, weights, np.zeros(r), *nothing)
    return neural.fit(z, x, seed)[0]
