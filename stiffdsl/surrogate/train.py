"""Task in, surrogate out: sample, solve, prepare, fit, calibrate, measure."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.surrogate import (
    driven_fit,
    gather,
    lpctesn,
    neural,
    npctesn,
    radial,
    recurrent_fit,
    reduced_fit,
)
from stiffdsl.surrogate.compression import sample_modes
from stiffdsl.surrogate.domain import Domain, failed_region
from stiffdsl.surrogate.expansion import Expansion
from stiffdsl.surrogate.gather import Data
from stiffdsl.surrogate.intervals import calibrated
from stiffdsl.surrogate.kept import AnyExpansion, reader
from stiffdsl.surrogate.laws import Laws
from stiffdsl.surrogate.laws_fit import kept_report, laws_of
from stiffdsl.surrogate.prepare import Prepared, prepare
from stiffdsl.surrogate.projection import Fitted, needed, orthonormal
from stiffdsl.surrogate.sample import Samples, part_of
from stiffdsl.surrogate.scaling import keeps_sign, relative_to
from stiffdsl.surrogate.speed import measure
from stiffdsl.surrogate.store import remembered
from stiffdsl.surrogate.surrogate import Description, Surrogate
from stiffdsl.surrogate.task import Progress, Task
from stiffdsl.surrogate.timebasis import spline
from stiffdsl.surrogate.validation import by_output, errors, held_out, summary

# What `auto` tries; a network over parameters and time takes longer to train, and is named where it is wanted.
METHODS = ("lpctesn", "npctesn", "neural", "rbf")
REGRESSION = "regression"
RECURRENT = "recurrent"
GALERKIN = "galerkin"
DRIVEN = ("lpctesn", "npctesn")
DESIGNS = ("sobol", "lhs")
SAMPLES, DRIVEN_SAMPLES = 64, 512
# Modes are left out that all together are below this share of the interpolation's error: they cannot be seen in it.
_NEGLIGIBLE = 1e-2


def train(
    task: Task,
    method: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    held_out_samples: int | None = None,
    goal: float | None = None,
    budget: float | None = None,
    max_samples: int = 1024,
    design: str = "sobol",
    resume: str | Path | None = None,
) -> Surrogate:
    """Trains a surrogate of `task`.

    `samples` solves (64, or 512 where inputs vary over time) are learnt from; two further sets of `held_out_samples`
    each (at least 40) calibrate the intervals and measure the error. With a `goal`, a worst relative error at the
    calibration samples, samples are added where the error is largest until it is met, `max_samples` are reached, or
    another round would take longer than `budget` seconds in all allow; with a `budget` alone, until that is spent.
    `design` of the first samples is `sobol` or `lhs`. Solves are stored in the folder `resume` as they come, and those
    that are there are not repeated. `method` "auto" fits every method and keeps the one with the least worst error at
    the calibration samples. Raises `ValueError` for a method that does not exist, and where too few samples could be
    solved."""
    if not task.columns:
        raise ValueError("there is nothing to vary: a surrogate needs at least one parameter with a range")
    clock = time.perf_counter()
    available = _available(task)
    if method == REGRESSION and task.log_time and task.times[0] <= task.start:
        raise ValueError(
            "the method `regression` does not reach the start of an experiment in logarithmic time"
        )
    method = method or ("npctesn" if task.drives else "lpctesn")
    samples = samples or (DRIVEN_SAMPLES if task.drives else SAMPLES)
    equations = task.equations()
    unfit = equations if isinstance(equations, str) else None
    _verify(method, available, unfit, samples, goal, budget, design)
    tell: Progress = progress if progress is not None else lambda fraction: None
    task = remembered(task, resume)
    data = gather.first(task, samples, held_out_samples, seed, design, part_of(tell, 0.0, 0.8))
    methods = available if method == "auto" else (method,)
    tried = _fitted(task, data, methods, seed)
    part, most = 0.8, max(samples, max_samples)
    while (goal is not None or budget is not None) and data.samples < most:
        spent = time.perf_counter() - clock
        if (goal is not None and min(t.error for t in tried) <= goal) or (
            # A round costs about half of what all before it did.
            budget is not None and 1.5 * spent > budget
        ):
            break
        data = gather.more(task, data, most, seed, part_of(tell, part, part + 0.1 * (0.95 - part)))
        part += 0.1 * (0.95 - part)
        tried = _fitted(task, data, methods, seed)
    tell(0.95)
    best = min(tried, key=lambda t: t.error)
    made = _finished(task, data, best, tried, seed)
    made.validation["goal"] = None if goal is None else {"worst": goal, "met": best.error <= goal}
    tell(1.0)
    return made


def _available(task: Task) -> tuple[str, ...]:
    if not task.drives:
        return METHODS
    recurrent = (RECURRENT,) if recurrent_fit.possible(task.times) else ()
    return (*DRIVEN, *recurrent, *(() if isinstance(task.equations(), str) else (GALERKIN,)))


def _verify(
    method: str,
    available: tuple[str, ...],
    unfit: str | None,
    samples: int,
    goal: float | None,
    budget: float | None,
    design: str,
) -> None:
    """Raises `ValueError` for what makes no sense."""
    known = ("auto", *METHODS, REGRESSION, RECURRENT, GALERKIN)
    if method not in known:
        hint = did_you_mean(method, known)
        raise ValueError(
            f"there is no surrogate method `{method}`; " + (hint or f"there are {', '.join(known)}")
        )
    if method == RECURRENT and RECURRENT not in available:
        what = (
            "times that are equally far apart" if available != METHODS else "an input that varies over time"
        )
        raise ValueError(f"the method `{RECURRENT}` needs {what}")
    if method == GALERKIN and GALERKIN not in available:
        why = "an input that varies over time" if available == METHODS else "equations it can reduce"
        raise ValueError(f"the method `{GALERKIN}` needs {why}" + (f": {unfit}" if unfit else ""))
    if method not in ("auto", *available, REGRESSION) or (method == REGRESSION and available != METHODS):
        raise ValueError(
            f"the method `{method}` cannot take inputs that vary over time; {', '.join(available)} and auto can"
        )
    if samples < gather.LEAST_SAMPLES:
        raise ValueError(f"a surrogate needs at least {gather.LEAST_SAMPLES} samples, not {samples}")
    if goal is not None and not goal > 0:
        raise ValueError(f"the goal is a relative error above zero, not {goal:g}")
    if budget is not None and not budget > 0:
        raise ValueError(f"the budget is a number of seconds above zero, not {budget:g}")
    if design not in DESIGNS:
        raise ValueError(f"samples are drawn as {' or '.join(DESIGNS)}, not `{design}`")


@dataclass(frozen=True, eq=False)
class Trial:
    """A fitted method: its errors at the calibration samples, what was chosen, and how long it took."""

    method: str
    expansion: AnyExpansion
    summary: dict[str, float]
    chosen: dict[str, object]
    seconds: float

    @property
    def error(self) -> float:
        return self.summary["worst"]


def _fitted(task: Task, data: Data, methods: tuple[str, ...], seed: int) -> list[Trial]:
    begin = time.perf_counter()
    driven = bool(task.drives) or REGRESSION in methods
    prepared = driven_fit.prepare(task, data.training, seed) if driven else prepare(task, data.training, seed)
    shared = time.perf_counter() - begin
    trials = []
    for method in methods:
        begin = time.perf_counter()
        if method == RECURRENT:
            assert isinstance(prepared, driven_fit.Driven)
            expansion, chosen = recurrent_fit.expand(prepared, seed)
        elif method == GALERKIN:
            equations = task.equations()
            assert isinstance(prepared, driven_fit.Driven)
            assert not isinstance(equations, str)
            expansion, chosen = reduced_fit.expand(task, prepared, data.training, equations, seed)
        elif isinstance(prepared, driven_fit.Driven):
            expansion, chosen = driven_fit.expand(prepared, seed, network=method != "lpctesn")
        else:
            expansion, chosen = expand(prepared, method, seed)
        predicted = _predict(task, expansion, None, data.calibration)
        leads = expansion.start is not None
        denominator = relative_to(data.calibration.trajectories, data.training.trajectories, leads)
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


def _predict(task: Task, expansion: AnyExpansion, laws: Laws | None, samples: Samples) -> np.ndarray:
    formula = reader(expansion, laws, task.times, task.times, np.arange(len(task.outputs)))
    with np.errstate(over="ignore", invalid="ignore"):
        return formula(np, samples.values)


def _scaled_errors(task: Task, expansion: AnyExpansion, laws: Laws | None, samples: Samples) -> np.ndarray:
    """Errors of scaled outputs; zero at a start that the clock does not reach, where the value is
    interpolated.
    """
    formula = reader(expansion, laws, task.times, task.times, np.arange(len(task.outputs)))
    leads = expansion.start is not None
    inner = slice(1 if leads else 0, None)
    truth = np.zeros_like(samples.trajectories)
    with np.errstate(invalid="ignore"):
        truth[:, inner] = expansion.outputs.scale(samples.trajectories[:, inner])
    found = truth - formula.scaled(samples.values)
    found[:, : inner.start] = 0.0
    return found


def _finished(task: Task, data: Data, best: Trial, tried: list[Trial], seed: int) -> Surrogate:
    expansion = best.expansion
    laws, lost = laws_of(task, data.every[:2], _scaled_errors(task, expansion, None, data.calibration))
    widths, covered = calibrated(*(_scaled_errors(task, expansion, laws, s) for s in data.every[1:]))
    truth, training = data.test.trajectories, data.training.trajectories
    predicted = _predict(task, expansion, laws, data.test)
    leads = expansion.start is not None
    found = errors(truth, predicted, relative_to(truth, training, leads))
    failed = np.concatenate([s.failed for s in data.every])
    solved = np.concatenate([s.values for s in data.every])
    reasons = [reason for s in data.every for reason in s.reasons]
    names = task.columns
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
        "domain": {p.name: [p.low, p.high] for p in (*task.parameters, *task.drives)},
        "failed": {
            "region": failed_region(names, failed),
            "reasons": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
        },
        "kept": kept_report(
            laws, lost, task.outputs, data.test, _predict(task, expansion, None, data.test), predicted
        ),
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
            task.drives,
        ),
        expansion,
        Domain(names, expansion.parameters, solved, failed),
        widths,
        validation,
        held_out(data.test.values, task.times, truth, predicted, found),
        task.full,
        laws,
    )
    surrogate.speed = measure(task, surrogate, data.test.values, data.seconds)
    surrogate.speed["training_seconds"] = {t.method: t.seconds for t in tried}
    return surrogate
