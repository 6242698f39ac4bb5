"""Many runs of a model at once, one for each entry of the arrays that are given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from stiffdsl.runtime import executors, tier
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.backend import backend
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.delayed.delays import has_delays, refuse_delays
from stiffdsl.runtime.driving.bundles import apart
from stiffdsl.runtime.driving.held_ends import held_ends
from stiffdsl.runtime.driving.inputs import Signal, lane_inputs
from stiffdsl.runtime.driving.knots import knots_of_tables
from stiffdsl.runtime.driving.undriven import refuse_undriven
from stiffdsl.runtime.output_slice import counting, names_of, output_slice
from stiffdsl.runtime.run.arguments import traced_arguments
from stiffdsl.runtime.run.delayed_lanes import delayed_ensemble
from stiffdsl.runtime.run.lane import lane
from stiffdsl.runtime.run.lane_values import lane_values, refuse_constants
from stiffdsl.runtime.run.simulate import simulate
from stiffdsl.runtime.run.times import against, interval_and_times
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.process import check_process
from stiffdsl.solve.base.progress import caller
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.ensemble import (
    CHUNK,
    Ensemble,
    InterruptedRuns,
    device_slots,
    lanes,
    run_lanes,
)
from stiffdsl.solve.integrate.loop import Counts

# So many unknowns of all lanes together are stepped sooner than threads start, as far as is known before.
TOGETHER = 256
# Ends of a lane that a condition explains, or a table.
EXPLAINED = Status.CHATTERING, Status.ENDLESS, Status.VIOLATED, Status.OUTSIDE


def ensemble(
    model: CompiledProgram,
    options: Options,
    time: Any,
    saveat: Any,
    outputs: Sequence[str] | None,
    params: Mapping[str, Any] | None,
    initial: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
    progress: Callable[[float], None] | bool | None,
    threads: int | None = None,
    executor: Any = None,
    traced: Callable[..., Ensemble] | None = None,
) -> Ensemble:
    """See `CompiledModel.ensemble`. Values that belong to a trace go to `traced(outputs, varied, fixed, inputs)`."""
    progress = caller(progress, "`progress`")
    start, end, times = interval_and_times(model, time, saveat)
    outputs = names_of(outputs)
    first, tables, constants = lane_inputs(apart(inputs, model.bindings.inputs), model.bindings.input_rank)
    refuse_constants(model, constants)
    refuse_undriven(model, first)
    varied, fixed, count = lane_values(model, params, initial, {**tables, **constants})
    if traced is not None and any(isinstance(v, Tracer) for v in jax.tree.leaves((varied, fixed, first))):
        if executor is not None:
            raise ValueError("what is traced (`jit`, `grad`, `vmap`) cannot be sent to other workers")
        return traced(outputs, varied, fixed, first)
    constant, signals = model.bindings.driven(first, (start, end))
    notes = held_ends(signals, tuple(inputs or ()), start, end)
    devices = executors.devices(executor)
    task = executors.EnsembleTask(model.origin, options, (start, end), times, outputs, fixed, first)
    if executor is not None and not devices:
        executors.check_inputs(first, executor)
        return Ensemble(times, *executors.spread(executor, task, varied, count, progress, solve_task)).noted(
            notes
        )
    if devices:
        refuse_delays(model, "devices of JAX take no lanes of")
    check_process()
    if has_delays(model):
        return delayed_ensemble(model, task, varied, count, progress).noted(notes)
    part = counting(output_slice(model, outputs).model, options.quadratures)
    options = tier.expected(part, options, signals, start, end)
    slots, most = None, CHUNK
    if not backend().threads:
        slots, most = device_slots(part.program.size, len(times), model.thresholds.slots)
    kind = _kind(part, options, signals, outputs, varied, fixed, constants, count, devices, slots)
    labels, program, pace = _lanes(model, kind)
    turned = against(times, start, end)
    shared = (
        start,
        end,
        times[::-1] if turned else times,
        (options.rtol, np.asarray(options.atol)),
        fixed,
        (np.asarray(constant.values), np.asarray(constant.mask)),
        signals,
        None if tables else knots_of_tables(signals, options.rtol, start, end),
    )

    def made_of(found: Any, status: Any, counts: Any) -> Ensemble:
        stats = dict(zip(Counts._fields, np.sum(counts, axis=0).tolist(), strict=True))
        return Ensemble(times, labels, found[:, ::-1] if turned else found, status, stats).noted(notes)

    try:
        found, status, counts = run_lanes(
            program,
            shared,
            varied,
            count,
            progress,
            threads=threads if backend().threads and not devices else 1,
            group=max(1, len(devices)),
            most=most,
            pace=pace,
            together=not signals and count * part.program.size <= TOGETHER,
        )
    except InterruptedRuns as stop:
        stop = stop.finished(stop.results[1] != int(Status.INTERRUPTED))
        if len(stop.lanes):
            stop.ensemble = made_of(*stop.results)
        raise stop from None
    made = made_of(found, status, counts)
    made.details |= _explained(model, task._replace(options=options), varied, status)
    return made


def _explained(
    model: CompiledProgram,
    task: executors.EnsembleTask,
    varied: dict[str, dict[str, np.ndarray]],
    status: np.ndarray,
) -> dict[int, tuple[int, str]]:
    """For each of these ends: the first lane that ended so, and why."""
    details = {}
    for ended in EXPLAINED:
        ended_so = np.flatnonzero(status == int(ended))
        if len(ended_so):
            first = int(ended_so[0])
            own = {kind: {name: v[first] for name, v in given.items()} for kind, given in varied.items()}
            why = _reason_of_lane(model, task, own)
            details |= {} if why is None else {int(ended): (first, why)}
    return details


def _reason_of_lane(
    model: CompiledProgram, task: executors.EnsembleTask, own: dict[str, dict[str, Any]]
) -> str | None:
    """Why the run of one lane ended, as `simulate` says it: with the condition. None where it does not end there."""
    inputs = {**task.inputs, **{k: executors.of_lane(task.inputs[k], v) for k, v in own["inputs"].items()}}
    params, initial = ({**task.fixed[kind], **own[kind]} for kind in ("params", "initial"))
    found = simulate(
        model, task.options, task.time, params, inputs, None, 2, initial or None, None, task.outputs
    )
    return found.reason if found.status in EXPLAINED else None


@dataclass(frozen=True)
class EnsembleKind:
    """Key of the compiled program of an ensemble's lanes: options but for tolerances, and which names differ
    between lanes (`varied`, among them inputs that are `constants` in time) or are given for all of them (`fixed`)."""

    method: str
    vectorized: bool
    options: Options
    outputs: tuple[str, ...] | None
    varied: tuple[tuple[str, str], ...]
    fixed: tuple[tuple[str, str], ...]
    constants: tuple[str, ...]
    structure: Any
    devices: tuple[Any, ...]
    slots: int | None
    # Signals of that structure: their values are arguments of the program.
    signals: tuple[Signal, ...] = field(compare=False)


def _kind(
    part: CompiledProgram,
    options: Options,
    signals: tuple[Signal, ...],
    outputs: tuple[str, ...] | None,
    varied: Mapping[str, Mapping[str, Any]],
    fixed: Mapping[str, Mapping[str, Any]],
    constants: Mapping[str, Any],
    count: int,
    devices: tuple[Any, ...],
    slots: int | None,
) -> EnsembleKind:
    """The kind of an ensemble of the `part` of a model that its outputs need."""
    method = tier.chosen(part, options, signals)
    return EnsembleKind(
        method,
        tier.expect(part, method, count),
        _but_tolerances(options, options.limit(tier.points_of(signals))),
        outputs,
        tuple((given, name) for given in varied for name in varied[given]),
        tuple((given, name) for given in fixed for name in fixed[given]),
        tuple(constants),
        jax.tree.structure(signals),
        devices,
        slots,
        signals,
    )


@lru_cache(maxsize=256)
def _but_tolerances(options: Options, most: int) -> Options:
    """Options that a compiled program depends on, with `most` attempts."""
    return replace(options, rtol=1.0, atol=1.0, max_steps=most)


@artifact
def _lanes(
    model: CompiledProgram, kind: EnsembleKind
) -> tuple[tuple[str, ...], Callable[..., Any], dict[int, float]]:
    """The outputs' names, the program of many lanes, and the seconds that a lane takes, once known (`run_lanes`)."""
    slots = kind.slots
    labels, one, alone = lane(model, kind.options, kind.signals, kind.outputs, slots, in_turn=slots is None)

    def run(shared, own):
        start, end, times, tolerances, given, (inputs, mask), signals, knots = shared
        params = model.bindings.params({**given["params"], **own["params"]})
        begin = {**given["initial"], **own["initial"]}
        begin = model.bindings.initial(begin or None)
        signals = tuple(s.with_values(own["inputs"].get(s.name, s.values)) for s in signals)
        moved = model.bindings.constants({name: own["inputs"][name] for name in kind.constants})
        if moved.given:
            inputs = jnp.where(moved.mask, moved.values, inputs)
        args = traced_arguments(model, params, Overrides(inputs, mask), signals)._replace(knots=knots)
        values, status, counts, *_ = one(start, end, times, args, begin, tolerances)
        # Each result of a program costs microseconds.
        return values, status, jnp.stack(counts)

    if kind.devices:
        return labels, executors.over_devices(lanes(run, alone, jax.jit), kind.devices), {}
    return labels, lanes(run, alone), {}


def solve_task(task: executors.EnsembleTask, own: dict[str, dict[str, np.ndarray]]):
    """Runs in a worker: compiles the model the first time, and solves its lanes with one thread."""
    assert task.origin is not None
    model = executors.compiled(task.origin)
    inputs = dict(task.inputs)
    for name, values in own["inputs"].items():
        inputs[name] = executors.of_lane(inputs[name], values)
    found = ensemble(
        model,
        task.options,
        task.time,
        task.saveat,
        task.outputs,
        {**task.fixed["params"], **own["params"]},
        {**task.fixed["initial"], **own["initial"]},
        inputs,
        None,
        threads=1,
    )
    return found.outputs, np.asarray(found.values), found.status, found.stats
