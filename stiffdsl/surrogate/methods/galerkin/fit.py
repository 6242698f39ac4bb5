"""Makes reduced equations: combinations of states, rows to evaluate, steps; then again with the worst trajectories.

States come from solves of a few training samples; all training samples say where the reduced model errs most, and
those trajectories are added (the greedy choice of Grepl and Patera, M2AN 39, 2005, by the error itself)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.surrogate.core.method import Unfit
from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.task import Equations, Task
from stiffdsl.surrogate.methods.driven.fit import PreparedDrives
from stiffdsl.surrogate.methods.galerkin.basis import TOLERANCE, Basis, Snapshots, projected, solved
from stiffdsl.surrogate.methods.galerkin.fixed_steps import CLASSICAL, IMPLICIT, STABILISED, Steps
from stiffdsl.surrogate.methods.galerkin.reduced import ReducedExpansion, slopes
from stiffdsl.surrogate.regression import neural
from stiffdsl.surrogate.regression.neural import NetworkMap
from stiffdsl.surrogate.regression.radial import tail

# Trajectories whose states are solved for: at first, and with every round.
FIRST, MORE = 64, 32
# Numbers in what is solved for at a time.
_NUMBERS = 200_000_000
# Steps are not made shorter for less than this gain.
_GAIN = 0.8
# Of trajectories, so many judge the steps; of their points, so many the rates.
_JUDGES, _POINTS = 48, 256
# Rates are taken to be this much larger elsewhere. Stabilised steps are for rates that are real, but for this share.
_FASTER, _TURNING = 1.25, 0.1
_PIECES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_FEW_STAGES, _MOST_STAGES = 3, 50
# What an implicit step costs, in stages of explicit ones: 10 to 60 for one lane, 15 to 60 in a batch (measured for 3 to
# 33 combinations).
_IMPLICIT = 40
# What errs by more than this share of a range, with the first so many steps that are tried, will not do with others.
_USELESS, _HOPE = 1.0, 6
# Shorter steps of a method are not tried where even with these orders (one above its own) they would miss the
# tolerance; nor any, where so many in a row err the same but for this share: that is not an error of steps.
_ORDERS = {CLASSICAL: 5, STABILISED: 3, IMPLICIT: 6}
_SAME, _SAME_SHARE = 3, 0.02
# Reduced equations that err in more than this share of the trajectories they were made from are refused.
_OFTEN = 0.05
# Starts that a polynomial gives to this share of their size need no network.
_EXACT = 1e-7


@dataclass(frozen=True)
class Greedy:
    """Bounds of the fit: so many `rounds` add trajectories; reduced equations that err by more than the share `refused`
    of a range in many of the trajectories they were made from do not stand for the model."""

    rounds: int
    refused: float


def expand(
    task: Task, made: PreparedDrives, samples: Samples, equations: Equations, greedy: Greedy, seed: int
) -> tuple[ReducedExpansion, dict[str, object]]:
    """The reduced equations, and what was chosen. Raises `Unfit` where they do not follow what they were made from."""
    most = max(8, _NUMBERS // (2 * len(task.times) * equations.size))
    order = np.random.default_rng([seed, 15]).permutation(len(samples))
    known = solved(equations, task, samples, order[: min(FIRST, most)])
    judges = np.sort(order[::-1][:_JUDGES])
    rounds = 0
    while True:
        expansion, worst = _Fit(task, made, samples, equations, known, seed).stepped(judges)
        error = _errors(expansion, samples, task.times, np.arange(len(samples)))
        rest = np.setdiff1d(np.argsort(-error, kind="stable")[:MORE], known.which)
        done = error.max() <= 2 * TOLERANCE or worst > _USELESS
        if done or rounds == greedy.rounds or not len(rest) or len(known.which) >= most:
            break
        known = known.joined(solved(equations, task, samples, rest))
        # The worst ones judge the steps, too.
        judges = np.union1d(judges, rest)
        rounds += 1
    if float(np.mean(~(error <= greedy.refused))) > _OFTEN:
        off = f"{100 * float(np.median(error)):.3g} %" if np.isfinite(np.median(error)) else "no end"
        raise Unfit(
            f"the method `galerkin` does not follow this model: on the samples it was made from it errs by {off} of a "
            "range (the median of the worst of each); something is too fast or too steep for steps of fixed length. "
            "More `times` may help; npctesn and recurrent do without steps, auto compares them"
        )
    steps = expansion.steps
    chosen: dict[str, object] = {
        "states": equations.size,
        "combinations": expansion.reduced.rank,
        "rows": expansion.reduced.rhs.size,
        "solved for states": len(known.which),
        "rounds": rounds,
        "steps": f"{steps.pieces} from knot to knot, {steps.method}, {steps.stages} stages"
        + (", single precision" if steps.single else ""),
        "error in training": float(error.max()),
        "error of judges": worst,
    }
    return expansion, chosen


def _errors(
    expansion: ReducedExpansion, samples: Samples, times: np.ndarray, which: np.ndarray
) -> np.ndarray:
    """(k,) the worst error of each trajectory, in scaled outputs; infinite where it is no number."""
    outputs = expansion.outputs
    reader = expansion.reader(times, np.arange(len(outputs.kind)))
    with np.errstate(all="ignore"):
        found = np.abs(reader.scaled(samples.values[which]) - outputs.scale(samples.trajectories[which]))
    return np.where(np.isfinite(found), found, np.inf).max(axis=(1, 2))


@dataclass(frozen=True, eq=False)
class _Fit:
    """Reduced equations of some snapshots, with steps still to choose."""

    task: Task
    made: PreparedDrives
    samples: Samples
    equations: Equations
    known: Snapshots
    seed: int

    def stepped(self, judges: np.ndarray) -> tuple[ReducedExpansion, float]:
        """With the cheapest steps that err little, or hardly more than shorter ones do; and their worst error."""

        def worst(steps: Steps) -> float:
            made = expansion.with_steps(steps)
            return float(_errors(made, self.samples, self.task.times, judges).max())

        basis, expansion = self._expansion()
        found: list[tuple[float, Steps]] = []
        for steps in self._candidates(basis, expansion):
            if _vain(steps, found):
                continue
            found.append((worst(steps), steps))
            if found[-1][0] <= TOLERANCE or (len(found) == _HOPE and all(e > _USELESS for e, _ in found)):
                break
            if _settled([e for e, _ in found[-_SAME:]]):
                break
        best = min(error for error, _ in found)
        error, steps = next(f for f in found if f[0] * _GAIN <= max(best, TOLERANCE) or f[0] == best)
        if steps.method == IMPLICIT:
            return expansion.with_steps(steps), error
        single = replace(steps, single=True)
        rounded = worst(single)
        if rounded <= max(TOLERANCE, 1.1 * error):
            return expansion.with_steps(single), rounded
        return expansion.with_steps(steps), error

    def _expansion(self) -> tuple[Basis, ReducedExpansion]:
        task, known, equations, whole = self.task, self.known, self.equations, self.made.expansion
        scalars = self.samples.values[known.which, : task.scalars]
        basis, reduced = projected(equations, known, scalars, self.seed)
        z = np.concatenate([self.made.z[known.which], self.made.u[known.which, 0]], axis=1)
        return basis, ReducedExpansion(
            whole.clock,
            whole.parameters,
            whole.outputs,
            whole.scalars,
            whole.inputs,
            whole.knots,
            reduced,
            _begin(z, basis.reduce(known.states[:, 0]), self.seed),
            Steps(IMPLICIT, 1, 8),
            equations.outputs,
            equations.scale,
            equations.shift,
        )

    def _candidates(self, basis: Basis, expansion: ReducedExpansion) -> Iterator[Steps]:
        """The cheapest first."""
        rate, real = self._rates(basis, expansion)
        far = _FASTER * rate * float(np.diff(self.task.times).max())
        fitting = []
        for pieces in _PIECES:
            fitting.append(Steps(CLASSICAL, pieces, 4))
            if real:
                many = (Steps(STABILISED, pieces, s) for s in range(_FEW_STAGES, _MOST_STAGES + 1))
                fitting += [s for s in many if s.reach >= far][:1]
        costs = [(s.pieces * s.stages, s) for s in fitting if s.reach >= far]
        costs += [(pieces * _IMPLICIT, Steps(IMPLICIT, pieces, 8)) for pieces in _PIECES]
        return iter([steps for _, steps in sorted(costs, key=lambda c: (c[0], c[1].pieces))])

    def _rates(self, basis: Basis, expansion: ReducedExpansion) -> tuple[float, bool]:
        """The fastest rate of the reduced equations, and whether all are nearly real."""
        known, reduced = self.known, expansion.reduced
        rng = np.random.default_rng([self.seed, 18])
        lanes, at = (rng.integers(0, n, _POINTS) for n in (len(known.which), len(known.times)))
        scalars = self.samples.values[known.which[lanes], : self.task.scalars]

        def jacobian(values: Any, t: Any, x: Any, u: Any) -> Any:
            g = slopes(reduced, reduced.vector(jnp, values[None]), np.float64)
            return jax.jacfwd(lambda x: g(t, x[:, None], u[:, None])[:, 0])(x)

        x = basis.reduce(known.states[lanes, at])
        found = np.linalg.eigvals(
            np.asarray(jax.jit(jax.vmap(jacobian))(scalars, known.times[at], x, known.u[lanes, at]))
        )
        fastest = float(np.abs(found).max())
        return fastest, bool(np.abs(found.imag).max() <= _TURNING * fastest)


def _vain(steps: Steps, found: list[tuple[float, Steps]]) -> bool:
    """Whether steps of the same method that were tried err too much for these to be exact."""
    mine = [(error, tried) for error, tried in found if tried.method == steps.method and error <= _USELESS]
    order = _ORDERS[steps.method]
    return any(error * (tried.pieces / steps.pieces) ** order > TOLERANCE for error, tried in mine)


def _settled(errors: list[float]) -> bool:
    """Whether other steps no longer change the error."""
    return len(errors) == _SAME and max(errors) <= (1 + _SAME_SHARE) * min(errors) < np.inf


def _begin(z: np.ndarray, x: np.ndarray, seed: int) -> NetworkMap:
    """x at the first knot over [z, u]: a polynomial where it is one, else a network."""
    spread = max(float(np.abs(x - x.mean(0)).max()), 1.0)
    for degree in (0, 1, 2):
        products = tail(np, z, degree)
        if degree and products.shape[1] > len(z) // 2:
            break
        weights = np.linalg.lstsq(products, x, rcond=None)[0]
        if np.abs(products @ weights - x).max() <= _EXACT * spread:
            d, r = z.shape[1], x.shape[1]
            nothing = (np.zeros((d, 1)), np.zeros((1, r))), (np.zeros(1), np.zeros(r))
            return NetworkMap(degree, weights, np.zeros(r), *nothing)
    return neural.fit(z, x, seed)[0]
