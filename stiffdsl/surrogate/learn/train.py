"""Task in, surrogate out: sample, solve, prepare, fit, calibrate, measure."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from stiffdsl.surrogate.core import difficulty, novelty, sampling
from stiffdsl.surrogate.core.batches import batched
from stiffdsl.surrogate.core.between import bound, moved
from stiffdsl.surrogate.core.constrained import reader
from stiffdsl.surrogate.core.domain import Domain, failed_region
from stiffdsl.surrogate.core.fitted import FittedFormula
from stiffdsl.surrogate.core.intervals import Scores, calibrated
from stiffdsl.surrogate.core.laws import Laws
from stiffdsl.surrogate.core.method import SurrogateMethod
from stiffdsl.surrogate.core.novelty import Shapes
from stiffdsl.surrogate.core.sampling import Samples, part_of
from stiffdsl.surrogate.core.scaling import ParameterScaling, keeps_sign, relative_to
from stiffdsl.surrogate.core.surrogate import Description, Surrogate
from stiffdsl.surrogate.core.task import Progress, Task
from stiffdsl.surrogate.learn import gather, slopes
from stiffdsl.surrogate.learn.budget import Budget
from stiffdsl.surrogate.learn.choice import methods_of, verify
from stiffdsl.surrogate.learn.gather import Data
from stiffdsl.surrogate.learn.laws_fit import kept_report, laws_of
from stiffdsl.surrogate.learn.progress import Tell, silent, telling
from stiffdsl.surrogate.learn.sample_store import remembered
from stiffdsl.surrogate.learn.speed import batch_seconds, measure
from stiffdsl.surrogate.learn.trials import Trial, Trials, predict
from stiffdsl.surrogate.learn.validation import (
    beside,
    by_kind,
    by_output,
    errors,
    headline,
    held_out,
    summary,
)
from stiffdsl.surrogate.methods.registry import DEFAULT, DEFAULT_DRIVEN
from stiffdsl.surrogate.storage import save

SAMPLES, DRIVEN_SAMPLES = 64, 512
# Rows of blended examples that shapes of inputs are known by, where some inputs are drawn.
_BLENDS = 256


def train(
    task: Task,
    method: str | SurrogateMethod | Sequence[SurrogateMethod] | None = None,
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
    lines: Tell = silent,
) -> Surrogate:
    """Trains a surrogate of `task`. `progress` is told the part of the work that is done, `lines` what is done.

    `samples` solves (64, or 512 where inputs vary over time) are learnt from; two further sets of `held_out_samples`
    each (at least 40) calibrate the intervals and measure the error. With a `goal`, a worst relative error at the
    calibration samples, samples are added where the error is largest until it is met, `max_samples` are reached, or
    another round, and the measurements after it, would take longer than `budget` seconds in all allow; with a `budget`
    alone, until that is spent. The first round is always made.
    `design` of the first samples is `sobol` or `lhs`. Solves are stored in the folder `resume` as they come, and those
    that are there are not repeated. `method` is a name, or the record of a method
    with settings of its own; "auto" (or several records) fits every method that can be better than those before it,
    as far as the budget goes, and keeps the one with the least error at the calibration samples: what 95 % of them are
    below, then the worst; one that is slower than the model gives way where a faster one is nearly as good. Whether a
    goal is met is said by the test samples too, which took no part. Raises `ValueError` for a method that does not
    exist, and where too few samples could be solved."""
    if not task.columns:
        raise ValueError("there is nothing to vary: a surrogate needs at least one parameter with a range")
    allowed = Budget(budget)
    samples = (DRIVEN_SAMPLES if task.drives else SAMPLES) if samples is None else samples
    methods = methods_of(task, method or (DEFAULT_DRIVEN if task.drives else DEFAULT).name)
    verify(samples, goal, budget, design)
    if seed < 0:
        raise ValueError(f"the seed is a whole number from 0 on, not {seed}")
    if held_out_samples is not None and held_out_samples < 1:
        raise ValueError(
            f"at least one sample is held out for calibration and for the test, not {held_out_samples}"
        )
    tell: Progress = progress if progress is not None else lambda fraction: None
    task = telling(remembered(task, resume), lines)
    data = gather.first(task, samples, held_out_samples, seed, design, part_of(tell, 0.0, 0.8))
    trials = Trials(task, methods, seed, allowed.until(data, len(methods)), lines)
    trials.fit(data, goal)
    part, most = 0.8, max(samples, max_samples)
    while (goal is not None or budget is not None) and data.samples < most:
        met = goal is not None and trials.best(goal).error <= goal
        if met or not allowed.allows_another(data, len(trials.tried), trials.seconds_of_another()):
            break
        data = gather.more(task, data, most, seed, part_of(tell, part, part + 0.1 * (0.95 - part)))
        part += 0.1 * (0.95 - part)
        trials.fit(data, goal)
    tell(0.95)
    lines("measuring errors and speed")
    made = _finished(task, data, trials, goal, seed)
    tell(1.0)
    return made


def _scaled_errors(task: Task, expansion: FittedFormula, laws: Laws | None, samples: Samples) -> np.ndarray:
    """Errors of scaled outputs; zero at a start that the clock does not reach, where the value is
    interpolated.
    """
    formula = reader(expansion, laws, task.times, task.times, np.arange(len(task.outputs)))
    formula = bound(formula, moved(formula, np, samples.deviations(task)))
    leads = expansion.start is not None
    inner = slice(1 if leads else 0, None)
    truth = np.zeros_like(samples.trajectories)
    with np.errstate(invalid="ignore"):
        truth[:, inner] = expansion.outputs.scale(samples.trajectories[:, inner])
    found = truth - formula.scaled(samples.values)
    found[:, : inner.start] = 0.0
    return found


def _against_goal(goal: float, calibration: float, test: float) -> dict[str, object]:
    """Whether the goal is met: at the samples that stopped the training, and at the test samples, which did not."""
    return {
        "worst": goal,
        "met": calibration <= goal and test <= goal,
        "worst_when_stopped": calibration,
        "worst_on_test": test,
    }


def _shapes(task: Task, data: Data, domain: Domain, seed: int) -> Shapes | None:
    """Shapes of the inputs in the samples that errors are measured on."""
    if not task.drives:
        return None

    def signals(rows: np.ndarray) -> np.ndarray:
        return domain.signals(rows, len(task.drives), len(task.times))

    followed = [k for k, d in enumerate(task.drives) if d.name in task.examples or task.generator is not None]
    modelled = np.array(followed, dtype=np.int64)
    if len(task.examples) == len(task.drives) and len({len(e) for e in task.examples.values()}) == 1:
        joint = np.concatenate([task.examples[d.name][:, :: task.pieces] for d in task.drives], axis=1)
        rows = np.concatenate([np.zeros((len(joint), task.scalars)), joint], axis=1)
        return novelty.learnt_from_examples(signals(rows), modelled, seed)
    # Signals that follow examples are like those alone; training mixes others in.
    own = [data.calibration.values]
    if task.examples:
        own.append(sampling.with_signals(task, np.zeros((_BLENDS, task.scalars)), seed, 3))
    else:
        own.append(data.training.values)
    return novelty.learnt(signals(np.concatenate(own)), signals(data.test.values), modelled)


def _domain(task: Task, data: Data, parameters: ParameterScaling, seed: int) -> Domain:
    solved, failed = (np.concatenate([getattr(s, kind) for s in data.every]) for kind in ("values", "failed"))
    domain = Domain(task.columns, parameters, solved, failed)
    return replace(domain, shapes=_shapes(task, data, domain, seed))


def _difficulty(
    task: Task, data: Data, domain: Domain, errors: list[np.ndarray]
) -> tuple[Domain, tuple[Scores, Scores]]:
    """The domain with the difficulty of inputs, and what intervals are calibrated by: both sets of errors over the size
    that the others let expect."""
    first, second = data.calibration, data.test
    expected = np.ones(len(first) + len(second))
    if task.drives:
        rows = np.concatenate([first.values, second.values])
        u = domain.signals(rows, len(task.drives), len(task.times))
        found, expected = difficulty.learnt(domain.shapes, u, np.concatenate(errors))
        domain = replace(domain, difficulty=found)
    sizes = np.split(expected[:, None, None], [len(first)])
    return domain, (
        Scores(errors[0] / sizes[0], first.hidden(task)),
        Scores(errors[1] / sizes[1], second.hidden(task)),
    )


def _description(task: Task, method: str) -> Description:
    return Description(
        task.name,
        task.parameters,
        task.outputs,
        task.units,
        task.times,
        task.log_time,
        task.start,
        dict(task.fixed),
        method,
        task.drives,
        task.given,
        task.identity,
        task.distribution,
    )


def _prediction_seconds(task: Task, data: Data, tried: list[Trial]) -> dict[str, float]:
    """Seconds per trajectory of a batch, by method."""
    every = np.arange(len(task.outputs))
    readers = {t.method: reader(t.expansion, None, task.times, task.times, every) for t in tried}
    return {name: batch_seconds(batched(formula), data.test.values) for name, formula in readers.items()}


def _finished(task: Task, data: Data, trials: Trials, goal: float | None, seed: int) -> Surrogate:
    tried = list(trials.tried.values())
    seconds = _prediction_seconds(task, data, tried) if len(tried) > 1 else None
    best = trials.best(goal, seconds, data.seconds)
    expansion = best.expansion
    laws, lost = laws_of(task, data.every[:2], _scaled_errors(task, expansion, None, data.calibration))
    domain = _domain(task, data, expansion.parameters, seed)
    domain, scores = _difficulty(
        task, data, domain, [_scaled_errors(task, expansion, laws, s) for s in data.every[1:]]
    )
    widths, covered = calibrated(*scores)
    truth, training = data.test.trajectories, data.training.trajectories
    off, hidden = data.test.deviations(task), data.test.hidden(task)
    predicted = predict(task, expansion, laws, data.test.values, off)
    leads = expansion.start is not None
    denominator = relative_to(truth, training, leads)
    found = errors(truth, predicted, denominator, hidden)
    told = headline(task.outputs, task.headline, training)
    reasons = [reason for s in data.every for reason in s.reasons]
    validation = {
        "method": best.method,
        "seed": seed,
        "samples": {kind: len(getattr(data, kind)) for kind in ("training", "calibration", "test")}
        | {"failed": len(domain.failed)},
        **summary(found.of(told)),
        "by_kind_of_inputs": by_kind(found.of(told)),
        "headline": [task.outputs[k] for k in told],
        "within_a_step": summary(beside(truth, predicted, denominator, hidden).of(told)),
        "outputs": by_output(found, task.outputs, task.units, expansion.outputs, keeps_sign(training, leads)),
        "coverage": covered,
        "domain": {p.name: [p.low, p.high] for p in (*task.parameters, *task.drives)},
        "failed": {
            "region": failed_region(task.columns, domain.failed),
            "reasons": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
        },
        "kept": kept_report(
            laws,
            lost,
            task.outputs,
            data.test,
            predict(task, expansion, None, data.test.values, off),
            predicted,
        ),
        "chosen": best.chosen,
        "tried": [{"method": t.method, **t.summary, "samples": t.samples} for t in tried],
        "skipped": trials.skipped,
        "goal": None if goal is None else _against_goal(goal, best.error, summary(found.of(told))["worst"]),
        "distribution": task.distribution,
        "slopes": slopes.measured(
            task,
            lambda values: predict(task, expansion, laws, values),
            told,
            len(data.test),
            seed,
            lambda fraction: None,
        ),
    }
    surrogate = Surrogate(
        _description(task, best.method),
        expansion,
        domain,
        widths,
        validation,
        held_out(data.test.values, task.times, truth, predicted, found),
        task.full,
        laws,
        writer=save,
    )
    surrogate.speed = measure(task, surrogate, data.test.values, data.seconds)
    surrogate.speed["training_seconds"] = {t.method: t.seconds for t in tried}
    if seconds is not None:
        surrogate.speed["prediction_seconds"] = seconds
    return surrogate
