"""Task in, surrogate out: sample, solve, prepare, fit, calibrate, measure."""

import time
from dataclasses import dataclass

import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.surrogate import lpctesn, neural, npctesn, radial, sample
from stiffdsl.surrogate.compression import sample_modes
from stiffdsl.surrogate.domain import Domain, failed_region
from stiffdsl.surrogate.expansion import Expansion, Reader
from stiffdsl.surrogate.intervals import coverage, half_widths
from stiffdsl.surrogate.prepare import Prepared, prepare
from stiffdsl.surrogate.projection import Fitted, needed, orthonormal
from stiffdsl.surrogate.sample import Samples, part_of
from stiffdsl.surrogate.scaling import keeps_sign, relative_to
from stiffdsl.surrogate.speed import measure
from stiffdsl.surrogate.surrogate import Description, Surrogate
from stiffdsl.surrogate.task import Progress, Task
from stiffdsl.surrogate.timebasis import spline
from stiffdsl.surrogate.validation import by_output, errors, held_out, summary

METHODS = ("lpctesn", "npctesn", "neural", "rbf")
LEAST_SAMPLES = 4
# At least so many samples calibrate the intervals, and as many test: 19 are what a 95 % interval needs.
LEAST_HELD_OUT = 40
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, eq=False)
class Data:
    """The three sets of solved samples, and the seconds that one trajectory of a batch took."""

    training: Samples
    calibration: Samples
    test: Samples
    seconds: float


def train(
    task: Task,
    method: str = "lpctesn",
    samples: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    held_out_samples: int | None = None,
    goal: float | None = None,
    max_samples: int = 1024,
) -> Surrogate:
    """Trains a surrogate of `task`.

    `samples` solves are learnt from; two further sets of `held_out_samples` each (as many as `samples`, at
    least 40) calibrate the intervals and measure the error. With a `goal` (a worst relative error at the
    calibration samples) the number of samples doubles until it is met or `max_samples` would be passed.
    `method` "auto" fits every method and keeps the one with the least worst error at the calibration samples.
    Raises `ValueError` for a method that does not exist, and where too few samples could be solved."""
    if method not in ("auto", *METHODS):
        hint = did_you_mean(method, ("auto", *METHODS))
        raise ValueError(
            f"there is no surrogate method `{method}`; " + (hint or f"there are auto, {', '.join(METHODS)}")
        )
    if samples < LEAST_SAMPLES:
        raise ValueError(f"a surrogate needs at least {LEAST_SAMPLES} samples, not {samples}")
    tell: Progress = progress if progress is not None else lambda fraction: None
    data = _solved(
        task, samples, held_out_samples or max(samples, LEAST_HELD_OUT), seed, part_of(tell, 0.0, 0.8)
    )
    methods = METHODS if method == "auto" else (method,)
    tried = _fitted(task, data, methods, seed)
    while goal is not None and min(t.error for t in tried) > goal and 2 * samples <= max_samples:
        data, samples = _more(task, data, samples, seed, tell), 2 * samples
        tried = _fitted(task, data, methods, seed)
    tell(0.95)
    best = min(tried, key=lambda t: t.error)
    made = _finished(task, data, best, tried, seed)
    tell(1.0)
    return made


@dataclass(frozen=True, eq=False)
class Trial:
    """A fitted method: its errors at the calibration samples, what was chosen, and how long it took."""

    method: str
    expansion: Expansion
    summary: dict[str, float]
    chosen: dict[str, object]
    seconds: float

    @property
    def error(self) -> float:
        return self.summary["worst"]


def _solved(task: Task, samples: int, held_out_count: int, seed: int, tell: Progress) -> Data:
    points = (
        sample.training_points(task, samples, seed),
        sample.held_out_points(task, held_out_count, seed, 1),
        sample.held_out_points(task, held_out_count, seed, 2),
    )
    done, total = 0, sum(len(p) for p in points)
    sets, seconds = [], np.inf
    for values in points:
        begin = time.perf_counter()
        sets.append(sample.solve(task, values, part_of(tell, done / total, (done + len(values)) / total)))
        # The first batch compiles: the fastest of the three is what a batch costs.
        seconds = min(seconds, (time.perf_counter() - begin) / len(values))
        done += len(values)
    if len(sets[0]) < LEAST_SAMPLES or not len(sets[1]) or not len(sets[2]):
        failed = sum(len(s.failed) for s in sets)
        why = next((r for s in sets for r in s.reasons), "")
        raise ValueError(
            f"a surrogate needs at least {LEAST_SAMPLES} samples that can be solved; {failed} of {total} failed"
            + (f" ({why})" if why else "")
        )
    return Data(sets[0], sets[1], sets[2], seconds)


def _more(task: Task, data: Data, samples: int, seed: int, tell: Progress) -> Data:
    """Twice the training samples; those that are solved are kept."""
    fresh = sample.training_points(task, 2 * samples, seed)[samples:]
    added = sample.solve(task, fresh, part_of(tell, 0.8, 0.9))
    return Data(sample.joined(data.training, added), data.calibration, data.test, data.seconds)


def _fitted(task: Task, data: Data, methods: tuple[str, ...], seed: int) -> list[Trial]:
    begin = time.perf_counter()
    prepared = prepare(task, data.training, seed)
    shared = time.perf_counter() - begin
    trials = []
    for method in methods:
        begin = time.perf_counter()
        expansion, chosen = expand(prepared, method, seed)
        predicted = _predict(task, expansion, data.calibration)
        denominator = relative_to(data.calibration.trajectories, data.training.trajectories, prepared.leads)
        found = errors(data.calibration.trajectories, predicted, denominator)
        seconds = shared + time.perf_counter() - begin
        trials.append(Trial(method, expansion, summary(found), chosen, seconds))
    return trials


def expand(prepared: Prepared, method: str, seed: int) -> tuple[Expansion, dict[str, object]]:
    """Fits functions of time, then their coefficients over parameters; with what was chosen on the way."""
    fitted, chosen = _time_basis(prepared, method, seed)
    projections = np.einsum("mk,nmg->nkg", fitted.at_times, prepared.scaled, optimize=True)
    rest = np.einsum("mk,nkg->nmg", fitted.at_times, projections, optimize=True) - prepared.scaled
    fitted, projections = needed(fitted, projections)
    n, K, g = projections.shape
    mean, scores, modes = sample_modes(projections.reshape(n, K * g))
    # In the mean over times and groups, a score's error is the error of a scaled output.
    weight = np.sqrt(prepared.scaled.shape[1] * g)
    coefficients: radial.RadialMap | neural.Network
    if method == "neural":
        coefficients, error = neural.fit(prepared.z, scores, seed)
        chosen |= {"tail": coefficients.degree, "width": neural.WIDTH, "layers": neural.LAYERS}
    else:
        coefficients, error = radial.fit(prepared.z, scores, seed)
        choice = coefficients.choice
        chosen |= {"kernel": choice.kernel, "tail": choice.degree, "scales": list(choice.scales)}
    # Modes that all together are far below the error of the interpolation cost time and give nothing.
    tail = np.sqrt(np.cumsum(np.mean(scores**2, axis=0)[::-1])[::-1])
    rank = max(1, int(np.sum(tail > _NEGLIGIBLE * error)))
    modes, coefficients = modes[:rank], coefficients.leading(rank)
    chosen |= {
        "modes": len(modes),
        "functions": K,
        "groups": g,
        "fit error": float(np.sqrt(np.mean(rest**2))),
        "interpolation error": float(error / weight),
        "parameters": [("log" if x else "linear") for x in prepared.parameters.logarithmic],
    }
    expansion = Expansion(
        prepared.clock,
        prepared.parameters,
        prepared.outputs,
        fitted.basis,
        prepared.groups,
        mean.reshape(K, g),
        modes.reshape(-1, K, g),
        coefficients,
        prepared.start,
    )
    return expansion, chosen


def _time_basis(prepared: Prepared, method: str, seed: int) -> tuple[Fitted, dict[str, object]]:
    over_time = prepared.over_time
    if method in ("lpctesn", "npctesn"):
        fitted, driven, chosen = lpctesn.time_basis(prepared.s, prepared.reference, over_time, seed)
        if method == "npctesn":
            fitted, chosen = npctesn.time_basis(prepared.s, driven, over_time)
        return fitted, dict(chosen)
    # Splines through the principal components of the trajectories themselves.
    positions = np.arange(len(prepared.s))
    fitted = orthonormal(spline(prepared.s, over_time), positions, over_time, cut=1e-10)
    return fitted, {"rank": fitted.rank}


def _predict(task: Task, expansion: Expansion, samples: Samples) -> np.ndarray:
    reader = Reader(expansion, task.times, np.arange(len(task.outputs)))
    with np.errstate(over="ignore", invalid="ignore"):
        return reader(np, samples.values)


def _scaled_errors(task: Task, expansion: Expansion, samples: Samples) -> np.ndarray:
    """Errors of scaled outputs; zero at a start that the clock does not reach, where the value is
    interpolated.
    """
    reader = Reader(expansion, task.times, np.arange(len(task.outputs)))
    leads = expansion.start is not None
    inner = slice(1 if leads else 0, None)
    truth = np.zeros_like(samples.trajectories)
    with np.errstate(invalid="ignore"):
        truth[:, inner] = expansion.outputs.scale(samples.trajectories[:, inner])
    found = truth - reader.scaled(samples.values)
    found[:, : inner.start] = 0.0
    return found


def _finished(task: Task, data: Data, best: Trial, tried: list[Trial], seed: int) -> Surrogate:
    expansion = best.expansion
    widths = half_widths(_scaled_errors(task, expansion, data.calibration))
    covered = coverage(_scaled_errors(task, expansion, data.test), widths)
    truth, training = data.test.trajectories, data.training.trajectories
    predicted = _predict(task, expansion, data.test)
    leads = expansion.start is not None
    found = errors(truth, predicted, relative_to(truth, training, leads))
    failed = np.concatenate([data.training.failed, data.calibration.failed, data.test.failed])
    solved = np.concatenate([data.training.values, data.calibration.values, data.test.values])
    reasons = (*data.training.reasons, *data.calibration.reasons, *data.test.reasons)
    names = tuple(p.name for p in task.parameters)
    validation = {
        "method": best.method,
        "seed": seed,
        "samples": {
            "training": len(data.training),
            "calibration": len(data.calibration),
            "test": len(data.test),
            "failed": len(failed),
        },
        **summary(found),
        "outputs": by_output(found, task.outputs, task.units, expansion.outputs, keeps_sign(training, leads)),
        "coverage": covered,
        "domain": {p.name: [p.low, p.high] for p in task.parameters},
        "failed": {
            "region": failed_region(names, failed),
            "reasons": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
        },
        "chosen": best.chosen,
        "tried": [{"method": t.method, **t.summary} for t in tried],
    }
    surrogate = Surrogate(
        Description(
            task.name,
            task.parameters,
            task.outputs,
            task.units,
            task.times,
            task.log_time,
            task.start,
            dict(task.fixed),
            best.method,
        ),
        expansion,
        Domain(names, expansion.parameters, solved, failed),
        widths,
        validation,
        held_out(data.test.values, task.times, truth, predicted, found),
        task.full,
    )
    surrogate.speed = measure(task, surrogate, data.test.values, data.seconds)
    surrogate.speed["training_seconds"] = {t.method: t.seconds for t in tried}
    return surrogate
