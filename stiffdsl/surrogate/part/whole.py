"""The whole with the surrogate in the place of the part, compared with the full model on runs held out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stiffdsl.check.text import text
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.surrogate.core.domain import failed_region
from stiffdsl.surrogate.core.intervals import Scores, coverage, half_widths
from stiffdsl.surrogate.core.scaling import keeps_sign, relative_to, scalings
from stiffdsl.surrogate.core.surrogate import Description
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.learn.gather import Data
from stiffdsl.surrogate.learn.speed import fastest
from stiffdsl.surrogate.learn.validation import by_output, errors, held_out, summary
from stiffdsl.surrogate.of_model.task import task_of
from stiffdsl.surrogate.part.component import component
from stiffdsl.surrogate.part.cutting.changes import Replaced
from stiffdsl.surrogate.part.cutting.crossings import CutScalar
from stiffdsl.surrogate.part.cutting.cut import outer, shell
from stiffdsl.surrogate.part.fit import Candidate
from stiffdsl.surrogate.part.part_surrogate import PartSurrogate, Texts, domain_of
from stiffdsl.surrogate.part.runs import ALONE, Runs

# Runs that are timed in a batch.
_LANES = 64


def replaced(
    model: CompiledProgram,
    task: Task,
    runs: Runs,
    data: Data,
    fit: Candidate,
    fits: Sequence[Candidate],
    seed: int,
) -> PartSurrogate:
    """The whole with the surrogate in, compared with the full model on the runs that are left."""
    place = runs.found.place
    was = _states_of(model, place.name)
    compiled, texts = _recompiled(model, runs, fit, was)
    compared = tuple(n for n in task.outputs if n in compiled.variable_names)
    columns = [task.outputs.index(n) for n in compared]
    units = tuple(task.units[k] for k in columns)
    sets = _held_out_runs(again(compiled, task, runs.given, compared), task, data, columns)
    widths = half_widths(_scores(sets[0][1] - sets[0][0]))
    truth, predicted = sets[-1]
    training = data.training.trajectories[..., columns]
    off = errors(truth, predicted, relative_to(truth, training, False))
    failed = np.concatenate([s.failed for s in data.every])
    moving = [runs.found.signals[k] for k in runs.moving]
    signals = {signal.name: _declared(signal, fit.system.v, j) for j, signal in enumerate(moving)}
    validation = {
        "method": fit.method,
        "part": place.name,
        "seed": seed,
        **summary(off),
        "outputs": by_output(off, compared, units, scalings(training)["linear"], keeps_sign(training, False)),
        "coverage": coverage(_scores(predicted - truth), widths),
        **_of_samples(task, data, signals),
        **_of_cut(runs, fits, fit, was),
        "goal": None,
    }
    about_it = Description(
        f"{model.name}, {place.name}", task.parameters, compared, units, task.times, task.log_time, task.start,
        dict(task.fixed), fit.method, task.drives,
    )  # fmt: skip
    solved = np.concatenate([s.values for s in data.every])
    made = PartSurrogate(
        about_it, place.name, compiled, texts, domain_of(about_it, solved, failed), signals, widths.at_knots,
        validation, held_out(data.test.values, task.times, truth, predicted, off), model,
    )  # fmt: skip
    made.speed = {"training_seconds": {f.method: f.seconds for f in fits}}
    return made


def _scores(errors: np.ndarray) -> Scores:
    """Errors, infinite where one is no number, of runs whose inputs bend at knots alone."""
    return Scores(np.where(np.isfinite(errors), errors, np.inf), np.zeros(len(errors)))


def _states_of(model: CompiledProgram, part: str) -> int:
    """The number of states within a part."""
    return sum(b.name.startswith(part + ".") for b in model.declarations(model.program.system.states))


def _recompiled(model: CompiledProgram, runs: Runs, fit: Candidate, was: int) -> tuple[Any, Texts]:
    """The whole compiled with the surrogate in place of a part that had `was` states, and its texts."""
    assert model.origin is not None
    found = runs.found
    place = found.place
    blocks = {b.name: b for b in model.program.system.flat.parameters}
    stay = {**found.stay, **{n: blocks[f"{place.name}.{n}"] for n in runs.varying}}
    about = [
        f"The surrogate of `{place.name}` ({place.cls.name}) in `{model.name}`, by the method {fit.method}: "
        f"{was} states became {fit.system.dynamics.size}.",
        "Written by stiffdsl. It holds for signals within what was learnt: `outside` is 0 there.",
    ]
    drives = [found.signals[k].inner for k in runs.moving] + [runs.names[k] for k in runs.columns]
    around = shell(model, found, stay, f"surrogate of {place.cls.name}")
    written = component(around, fit.system, drives, found.outputs, about)
    change = Replaced(place.name, written)
    constants = outer(model, place)
    compiled = model.origin(change, constants)
    compiled.variable_names.gone = compiled.parameter_names.gone = place.name
    for names in (compiled.variable_names, compiled.parameter_names, compiled.input_names):
        names.moved = model.variable_names.moved
    checked = model.origin(change, constants, "check")
    head = f"# `{model.name}` with the surrogate of `{place.name}` in its place.\n"
    return compiled, Texts(written, head + text(_with_constants(checked, constants)))


def _held_out_runs(
    new: Task, task: Task, data: Data, columns: list[int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Trajectories of `columns` by the full model and by the `new` whole, of the calibration samples and of the test
    samples, where these are others."""
    sets = []
    for samples in (data.calibration, data.test):
        values, ok = (
            (new.solve_many(samples.values, lambda fraction: None))[:2] if len(task.columns) else one(new)
        )
        values = np.where(np.asarray(ok)[:, None, None], values, np.nan)
        sets.append((samples.trajectories[..., columns], values))
        if samples is data.test and data.test is data.calibration:
            break
    return sets


def _of_samples(task: Task, data: Data, signals: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Statements of the report on the samples: their numbers, what failed, and the domain."""
    failed = np.concatenate([s.failed for s in data.every])
    reasons = [reason for s in data.every for reason in s.reasons]
    return {
        "samples": {
            "training": len(data.training),
            "alone": ALONE,
            "calibration": len(data.calibration),
            "test": len(data.test),
            "failed": len(failed),
        },
        "domain": {
            **{p.name: [p.low, p.high] for p in (*task.parameters, *task.drives)},
            **{name: list(ends) for name, ends in signals.items()},
        },
        "failed": {
            "region": failed_region(task.columns, failed),
            "reasons": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
        },
    }


def _of_cut(runs: Runs, fits: Sequence[Candidate], fit: Candidate, was: int) -> dict[str, Any]:
    """Statements of the report on the cut and on the methods."""
    return {
        "causality": {
            "imposed": [c.name for c in runs.found.signals],
            "given": [c.name for c in runs.found.outputs],
        },
        "states": {"part": was, "surrogate": fit.system.dynamics.size},
        "chosen": fit.system.chosen,
        "tried": [{"method": f.method, "error": f.error, **f.system.chosen} for f in fits],
    }


def _declared(c: CutScalar, scales: Any, k: int) -> tuple[float, float]:
    """The range of a signal in its declared unit."""
    ends = scales.centre[k] - scales.width[k], scales.centre[k] + scales.width[k]
    return (float(ends[0]) - c.shift) / c.scale, (float(ends[1]) - c.shift) / c.scale


def _with_constants(checked: Any, constants: Mapping[str, float]) -> Any:
    """The main model with the constants it was compiled with."""
    from stiffdsl.syntax import tree

    own = {k: v for k, v in constants.items() if "." not in k}
    variables = tuple(
        replace(v, value=tree.Number(float(own[v.name]), None, v.span)) if v.name in own else v
        for v in checked.root.variables
    )
    return replace(checked, root=replace(checked.root, variables=variables))


def again(model: CompiledProgram, task: Task, given: Mapping[str, Any], outputs: tuple[str, ...]) -> Task:
    """`task` for a model, perhaps with the part replaced: what was given for the inside of the part is in there."""
    vary: dict[str, Any] = {p.name: (p.low, p.high) for p in task.parameters}
    vary |= {d.name: (d.low, d.high) for d in task.drives}
    names = {"params": model.parameter_names, "initial": model.variable_names, "inputs": model.input_names}
    known = {
        kind: {k: v for k, v in (given[kind] or {}).items() if k in table} for kind, table in names.items()
    }
    return task_of(model, vary, **{**given, **known, "outputs": outputs})


def one(task: Task) -> tuple[np.ndarray, np.ndarray]:
    assert task.solve_one is not None
    solution = task.solve_one(np.zeros(0))
    shape = 1, len(task.times), len(task.outputs)
    if not solution.success:
        return np.full(shape, np.nan), np.array([False])
    return np.stack([np.asarray(solution[n]) for n in task.outputs], axis=1)[None], np.array([True])


def speed(
    model: CompiledProgram, made: PartSurrogate, task: Task, given: Mapping[str, Any], data: Data
) -> dict[str, Any]:
    """Seconds of the whole, full and with the part replaced: one run, and one of a batch."""
    new, old = (again(m, task, given, made.outputs) for m in (made.model, model))
    few = data.test.values[np.arange(_LANES) % len(data.test)]

    def pair(calls: Sequence[Callable[[], Any] | None], times: int, per: int) -> dict[str, Any]:
        seconds = [None if c is None else fastest(c, times) / per for c in calls]
        full, own = seconds
        return {"full": full, "surrogate": own, "ratio": full / own if full and own else None}

    def one(task: Task) -> Callable[[], Any]:
        solve = task.solve_one
        assert solve is not None
        return lambda: solve(few[0])

    def many(task: Task) -> Callable[[], Any] | None:
        solve = task.solve_batch
        return (lambda: solve(few)) if solve is not None and len(task.columns) else None

    found = {"lanes": len(few), "one": pair([one(old), one(new)], 5, 1), **made.speed}
    batch = [many(old), many(new)]
    found["batch"] = pair(batch, 2, len(few)) if all(batch) else dict(found["one"])
    return found
