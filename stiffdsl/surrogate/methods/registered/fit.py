"""Fits curves over clocks of their own to the outputs that gain by it, judged on samples left out in turn."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.scaling import relative_to
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.expansion.expansion import Expansion
from stiffdsl.surrogate.methods.expansion.prepare import Prepared, folds_of, quick_choice
from stiffdsl.surrogate.methods.registered.curves import Curve, Pace, followed, walked
from stiffdsl.surrogate.methods.registered.registered import Registered, Walk, at_times, in_order, learnt
from stiffdsl.surrogate.regression import radial
from stiffdsl.surrogate.regression.compression import sample_modes

# Weights of time in a clock: a small one walks through fronts slowly, a large one is nearly the plain formula.
_TIMES = (0.1, 0.3, 1.0, 3.0)
_EVEN_TIMES = (0.1, 0.3)
# What is added to the scaled time, from zero on, before its logarithm is learnt; zero: no logarithm. The last two are
# compared for the best clock alone.
_EARLY = (0.0, 1e-3, 1e-2, 1e-4)
# An output gets a clock of its own where that errs so much less, and so many outputs do at the most.
_CLEARLY, _MOST = 1.2, 12
# Curves that are needed to tell how those go on that have ended.
_LEAST = 8
# Stretches of the clock: where one begins, the curves that reach its end tell how the others go on.
_STRETCHES = 32
# An error beyond this is not worse.
_HOPELESS = 100.0
# More samples than this would cost more than they tell.
_COMPARED_SAMPLES = 200
# What is left of modes, as a share of the interpolation's error: as in any other method.
_NEGLIGIBLE = 1e-2


@dataclass(frozen=True, eq=False)
class Option:
    """A clock for one output, and what is learnt of the samples, (n, 2, M): not a number where a curve has ended."""

    pace: Pace
    early: float
    rows: np.ndarray


def expand(
    task: Task, samples: Samples, prepared: Prepared, plain: Expansion, seed: int
) -> tuple[Registered, dict[str, object]]:
    """The fitted formula and what was chosen on the way: no walks where no output gains by a clock of its own."""
    truth = samples.trajectories[:, 1 if prepared.leads else 0 :]
    y = prepared.outputs.scale(truth)
    size = np.maximum(y.max((0, 1)) - y.min((0, 1)), 1e-300)
    judge = _Judge(prepared, truth, seed)
    before = np.array([judge.plain(y[..., k, None], k) for k in range(y.shape[-1])])
    assert isinstance(plain.coefficients, radial.RadialMap)
    curves = followed(task, prepared.clock, prepared.outputs, prepared.s, size, samples.values, y)
    warped, kept, walks, told = [], [], [], {}
    for output in np.sort(np.argsort(-before, kind="stable")[:_MOST]):
        error, option = _best(curves, int(output), float(size[output]), judge)
        if not _CLEARLY * error < before[output]:
            continue
        walk = _fitted(prepared.z, completed(prepared.z, option.rows), float(size[output]), seed)
        # Both as good as they can be: an interpolant that was chosen well may not need the clock.
        own = judge.curves(int(output), option, walk.coefficients.choice)
        best = judge.plain(y[..., output, None], int(output), plain.coefficients.choice)
        if not _CLEARLY * own < best:
            continue
        warped.append(int(output))
        kept.append(option)
        walks.append(walk)
        told[task.outputs[output]] = _told(option, own, best, walk.coefficients.choice)
    made = Registered(
        plain,
        np.array(warped, dtype=np.int64),
        np.array([option.pace.share for option in kept], dtype=bool),
        np.array([option.early for option in kept], dtype=float),
        tuple(walks),
    )
    return made, {"clocks": told}


def _fitted(z: np.ndarray, rows: np.ndarray, size: float, seed: int) -> Walk:
    """The curves `rows` (n, 2, M) over parameters."""
    # Time and output count alike where both are of unit size.
    unit = np.array([1.0, size])[:, None]
    shape = rows.shape[1:]
    mean, scores, modes = sample_modes((rows / unit).reshape(len(rows), -1))
    coefficients, error = radial.fit(z, scores, seed)
    tail = np.sqrt(np.cumsum(np.mean(scores**2, axis=0)[::-1])[::-1])
    rank = max(1, int(np.sum(tail > _NEGLIGIBLE * error)))
    return Walk(
        mean.reshape(shape) * unit, modes[:rank].reshape(-1, *shape) * unit, coefficients.leading(rank)
    )


def _told(option: Option, error: float, plain: float, choice: radial.Choice) -> dict[str, object]:
    return {
        "weight of time": option.pace.time,
        "share": option.pace.share,
        "even": option.pace.even,
        "time": f"log(time + {option.early:g})" if option.early else "linear",
        "error": error,
        "plain": plain,
        "kernel": choice.kernel,
        "tail": choice.degree,
    }


def _best(curves: list[Curve], output: int, size: float, judge: "_Judge") -> tuple[float, Option]:
    """The clock that errs least, then what is added to its time before the logarithm."""
    least = max(_LEAST, 2 * (judge.dimensions + 1))

    def judged(pace: Pace, early: float) -> tuple[float, Option]:
        rows = walked(curves, output, size, pace, least)
        option = Option(pace, early, np.stack([learnt(rows[:, 0], early), rows[:, 1]], axis=1))
        return judge.curves(output, option), option

    def error(pair: tuple[float, Option]) -> float:
        return pair[0]

    paces = [
        Pace(weight, share, even)
        for even in (False, True)
        for share in (True, False)
        for weight in (_EVEN_TIMES if even else _TIMES)
    ]
    best = min((judged(pace, early) for pace in paces for early in _EARLY[:2]), key=error)
    return min([best, *(judged(best[1].pace, early) for early in _EARLY[2:])], key=error)


def completed(z: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Curves (n, 2, M) that end before the last tick, continued as those around them that do not."""
    known = np.isfinite(rows[:, 0])
    if known.all():
        return rows
    rows = rows.copy()
    for ticks in np.array_split(np.arange(rows.shape[2]), _STRETCHES):
        there = known[:, ticks[-1]]
        if there.all():
            continue
        values = rows[there][:, :, ticks].reshape(int(there.sum()), -1)
        if len(values) >= _LEAST // 2:
            fitted = radial.solve(quick_choice(z[there]), z[there], values)(np, z[~there])
        else:
            # Nothing tells how they go on: they stay where they were.
            last = rows[~there][:, :, max(ticks[0] - 1, 0)]
            fitted = np.nan_to_num(np.repeat(last[..., None], len(ticks), axis=2))
        at = np.ix_(np.flatnonzero(~there), np.arange(2), ticks)
        rows[at] = np.where(np.isnan(rows[at]), fitted.reshape(-1, 2, len(ticks)), rows[at])
    return rows


class _Judge:
    """Errors at samples left out, of interpolants that are good without any choosing."""

    def __init__(self, prepared: Prepared, truth: np.ndarray, seed: int):
        some = np.sort(np.random.default_rng([seed, 14]).permutation(len(truth))[:_COMPARED_SAMPLES])
        self._some, self._outputs, self._s = some, prepared.outputs, prepared.s
        self._z, self._truth = prepared.z[some], truth[some]
        self._denominator = relative_to(self._truth, truth, False)
        self.dimensions = prepared.z.shape[1]
        self._folds = folds_of(self._z, seed)

    def plain(self, y: np.ndarray, output: int, choice: radial.Choice | None = None) -> float:
        """Of one scaled output (n, m, 1) as functions of time."""
        return self._error(output, self._left_out(y[self._some], choice)[..., 0])

    def curves(self, output: int, option: "Option", choice: radial.Choice | None = None) -> float:
        """Of one output's curves."""
        predicted = self._left_out(option.rows[self._some], choice)[:, :, None]
        own = np.array([option.pace.share]), np.array([option.early])
        s = in_order(np, predicted[:, 0], *own)
        return self._error(output, at_times(np, s, predicted[:, 1], self._s)[:, 0])

    def _left_out(self, values: np.ndarray, choice: radial.Choice | None) -> np.ndarray:
        flat = values.reshape(len(values), -1)
        found = np.empty_like(flat)
        for inside, outside in self._folds:
            z = self._z[inside]
            known = flat[inside]
            if np.isnan(known).any():
                known = completed(z, values[inside]).reshape(known.shape)
            fitted = radial.solve(choice or quick_choice(z), z, known)
            found[outside] = fitted(np, self._z[outside])
        return found.reshape(values.shape)

    def _error(self, output: int, y: np.ndarray) -> float:
        """Of relative errors of y (n, m): between what 95 % are below and a mean of fourth powers."""
        which = np.array([output])
        with np.errstate(over="ignore", invalid="ignore"):
            x: Any = self._outputs.unscale(y[..., None], which)[..., 0]
            error = np.abs(x - self._truth[..., output]) / self._denominator[..., output]
        error = np.where(np.isfinite(error), np.minimum(error, _HOPELESS), _HOPELESS)
        return float(np.sqrt(np.quantile(error, 0.95) * np.mean(error**4) ** 0.25))
