"""From solved samples to what every method learns from: scaled parameters, scaled outputs, the clock, a
reference.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.surrogate.core.sampling import LOG_RATIO, Samples
from stiffdsl.surrogate.core.scaling import (
    Clock,
    OutputScaling,
    ParameterScaling,
    clock,
    relative_to,
    scalings,
)
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.expansion.expansion import Start
from stiffdsl.surrogate.regression import radial
from stiffdsl.surrogate.regression.compression import output_modes

# A range narrower than this factor is as good as linear.
_LOG_WORTH = 1.2
# What parameters as they are must be better by, over wide ranges.
_NEARLY_LINEAR = 1.15
# Output scalings are compared at this many times, and for so many outputs at once.
_COMPARED_TIMES = 40
_BLOCK = 256
# Another scaling must be better by this factor to replace the logarithm, which keeps the sign of an output.
_CLEARLY = 1.5
# An output within this factor does not come near zero: there it is the logarithm, which costs an exponential in every
# prediction, that must be better.
_NARROW = 2.0
# What functions of time cannot represent, as a share of a scaled output's range: it decides for the logarithm where
# an output grows from nearly nothing.
_FIT_ERROR = 1e-6
# Channels of the drive that come from the reference, and from how other samples differ from it.
_REFERENCE = 8
_DIFFERENCES = 8
_ROUNDING = 1e-8


@dataclass(frozen=True, eq=False)
class Prepared:
    """`scaled` (n, m, g) groups of scaled outputs at s (m,), `reference` (m, c) of about unit size."""

    clock: Clock
    leads: bool
    s: np.ndarray
    parameters: ParameterScaling
    z: np.ndarray
    outputs: OutputScaling
    groups: np.ndarray | None
    scaled: np.ndarray
    reference: np.ndarray
    start: Start | None

    @property
    def over_time(self) -> np.ndarray:
        """(m, k): all trajectories, as the few functions of time that they are combinations of."""
        n, m, g = self.scaled.shape
        U, sigma, _ = np.linalg.svd(self.scaled.transpose(1, 0, 2).reshape(m, n * g), full_matrices=False)
        keep = sigma > 1e-10 * sigma[0]
        return U[:, keep] * (sigma[keep] / np.sqrt(n * g))


def prepare(task: Task, samples: Samples, seed: int) -> Prepared:
    """Chooses every scaling on samples left out in turn."""
    tick, leads = clock(task.times, task.start, task.log_time)
    whole = samples.trajectories
    inner = whole[:, 1:] if leads else whole
    logarithmic = (task.low > 0) & (task.high > _LOG_WORTH * task.low)
    options = [ParameterScaling(task.low, task.high, logarithmic)]
    if logarithmic.any():
        options.append(ParameterScaling(task.low, task.high, np.zeros(len(task.low), dtype=bool)))

    tried = [(*choose_outputs(p.scale(np, samples.values), inner, seed), p) for p in options]
    wide = logarithmic.any() and bool(np.any(task.high > LOG_RATIO * task.low))
    # Of a wide range half of the samples lie evenly in the logarithm: there what is linear must be clearly better.
    handicap = np.log(_NEARLY_LINEAR) if wide else 0.0
    _, outputs, parameters = min(tried, key=lambda t: t[0] + (0.0 if t[2].logarithmic.any() else handicap))
    z = parameters.scale(np, samples.values)
    scaled = outputs.scale(inner)
    groups = output_modes(scaled, seed)
    if groups is not None:
        scaled = scaled @ groups
    times = task.times[1:] if leads else task.times
    start = None
    if leads:
        begin = whole[:, 0]
        moved = begin - begin[0]
        change = radial.solve(quick_choice(z), z, moved) if np.any(moved) else None
        start = Start(begin[0], change)
    middle = int(np.argmin(np.sum(z**2, axis=1)))
    s = tick.scale(times)
    return Prepared(tick, leads, s, parameters, z, outputs, groups, scaled, drive(scaled, middle), start)


def choose_outputs(z: np.ndarray, x: np.ndarray, seed: int) -> tuple[float, OutputScaling]:
    """The best kind of scaling for each output of x (n, m, q), and the mean logarithm of the error that is
    left.
    """
    every = scalings(x)
    stride = max(1, x.shape[1] // _COMPARED_TIMES)
    shown = x[:, ::stride]
    errors = {kind: np.empty(x.shape[-1]) for kind in every}
    folds = folds_of(z, seed)
    for begin in range(0, x.shape[-1], _BLOCK):
        block = slice(begin, begin + _BLOCK)
        which = np.arange(x.shape[-1])[block]
        denominator = relative_to(shown[..., block], x[..., block], False)
        for kind, scaling in every.items():
            y = scaling.scale_some(shown[..., block], which)
            predicted = np.empty_like(y)
            for inside, outside in folds:
                fitted = radial.solve(quick_choice(z[inside]), z[inside], y[inside].reshape(len(inside), -1))
                predicted[outside] = fitted(np, z[outside]).reshape(len(outside), *y.shape[1:])
            predicted += np.where(predicted < y, -1, 1) * _FIT_ERROR * (y.max((0, 1)) - y.min((0, 1)))
            with np.errstate(over="ignore", invalid="ignore"):
                error = np.abs(scaling.unscale(predicted, which) - shown[..., block]) / denominator
                # Beyond one, an error is only wrong: how wrong must not decide.
                error = np.where(np.isfinite(error), error / (1 + error), 1.0)
            errors[kind][block] = np.mean(error**4, axis=(0, 1)) ** 0.25
    magnitude = np.abs(x.reshape(-1, x.shape[-1]))
    narrow = magnitude.max(0) < _NARROW * magnitude.min(0)
    wanted = np.where(narrow, 1 / _CLEARLY, _CLEARLY)
    logarithm = (every["log"].kind == 1) & (errors["log"] < wanted * errors["linear"])
    area = (every["asinh"].kind == 2) & (errors["asinh"] * _CLEARLY < errors["linear"])
    chosen = every["linear"].with_kind(np.where(logarithm, 1, np.where(area, 2, 0)))
    least = np.choose(chosen.kind, [errors["linear"], errors["log"], errors["asinh"]])
    return float(np.mean(np.log(np.maximum(least, 1e-15)))), chosen


def quick_choice(z: np.ndarray) -> radial.Choice:
    """An interpolant that is good without any choosing: what scalings are compared with."""
    n, d = z.shape
    ones = (1.0,) * d
    if n >= 2 * len(radial.terms(d, 2)):
        return radial.Choice("quintic", ones, 2)
    if n >= 2 * (d + 1):
        return radial.Choice("cubic", ones, 1)
    return radial.Choice("gaussian", tuple(0.5 * s for s in ones), 0, 1e-9)


def drive(scaled: np.ndarray, middle: int) -> np.ndarray:
    """The drive of a reservoir, (m, c): the solution of sample `middle`, then the others' differences from it.

    Both as principal components over time, each in [-1, 1].
    """
    n, m, g = scaled.shape
    others = (scaled - scaled[middle]).transpose(1, 0, 2).reshape(m, n * g)
    parts = [components(scaled[middle], _REFERENCE), components(others, _DIFFERENCES)]
    found = np.concatenate(parts, axis=1)
    if not found.shape[1]:
        return np.zeros((m, 1))
    low, high = found.min(0), found.max(0)
    return 2 * (found - low) / (high - low) - 1


def components(functions: np.ndarray, count: int) -> np.ndarray:
    """(m, k) at most `count` principal components of functions of time (m, c), those that are not rounding."""
    centred = functions - functions.mean(0)
    U, sigma, _ = np.linalg.svd(centred, full_matrices=False)
    keep = sigma > np.maximum(_ROUNDING * sigma[0], 1e-14)
    return (U * sigma)[:, keep][:, :count]


def folds_of(z: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The samples that are fitted and those that are left out, in turn."""
    order = np.random.default_rng([seed, 8]).permutation(len(z))
    parts = [np.sort(order[k :: radial.FOLDS]) for k in range(radial.FOLDS)]
    return [(np.setdiff1d(np.arange(len(z)), part), part) for part in parts if len(part)]
