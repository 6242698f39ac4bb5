"""A model as the task of a surrogate: what varies, what is learnt, and how the full model is solved for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stiffdsl.runtime import run
from stiffdsl.runtime.names import scalars_of
from stiffdsl.solve.status import Status
from stiffdsl.surrogate.task import Parameter, Task

if TYPE_CHECKING:
    from stiffdsl.runtime.model import CompiledModel

# Up to this many variables all are learnt; of a larger model its outputs, states and what the main model declares.
ALL_VARIABLES = 200


def train_stand_in(
    model: "CompiledModel",
    vary: Mapping[str, tuple[float, float]] | None,
    method: str,
    samples: int,
    seed: int,
    params: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
    time: Any,
    times: Any,
    outputs: Sequence[str] | None,
    rtol: float | None,
    atol: float | None,
    progress: Callable[[str], None] | None,
) -> Any:
    """See `CompiledModel.surrogate`."""
    from stiffdsl.surrogate.train import train

    task = task_of(model, vary, params, inputs, time, times, outputs, rtol, atol)
    tell = None if progress is None else lambda part: progress(f"training a surrogate: {part:.0%}")
    return train(task, method=method, samples=samples, seed=seed, progress=tell)


def task_of(
    model: "CompiledModel",
    vary: Mapping[str, tuple[float, float]] | None = None,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    time: Any = None,
    times: Any = None,
    outputs: Sequence[str] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> Task:
    """What a surrogate of `model` is trained on. Raises `ValueError` where there is nothing to vary."""
    # What is learnt should be the model and not the errors of its solver.
    fine = run.options(model, rtol, atol)
    if rtol is None:
        fine = run.options(model, fine.rtol * 1e-2, fine.atol * 1e-2 if atol is None else atol)
    fixed = dict(params or {})
    parameters = _varied(model, vary, fixed)
    start, end = run.interval(model, time, times)
    learnt = run.save_times(times)
    if learnt is None:
        learnt = run.spread(model, start, end, int(model.experiment.get("points", run.POINTS)))
    names = tuple(outputs) if outputs is not None else _default_outputs(model)
    labels, numbers = scalars_of(model.variable_names, names)
    units = tuple(b.unit for b in model.declarations(numbers))
    varied = [p.name for p in parameters]

    def lanes(options, values, tell):
        own = {**fixed, **{name: values[:, k] for k, name in enumerate(varied)}}
        return run.ensemble(model, options, (start, end), learnt, labels, own, None, inputs, tell)

    def solve_many(values, tell):
        batch = lanes(fine, values, tell)
        reasons = [None if s == Status.SUCCESS else Status(int(s)).message for s in batch.status]
        return batch.values, batch.success, reasons

    usual = run.options(model, rtol, atol)

    def solve_one(values):
        given = {**fixed, **dict(zip(varied, map(float, values), strict=True))}
        return run.simulate(model, usual, (start, end), given, inputs, learnt, None, None, None)

    return Task(
        name=model.name,
        parameters=parameters,
        outputs=labels,
        units=units,
        times=learnt,
        log_time=bool(model.experiment.get("log")) and times is None,
        solve_many=solve_many,
        solve_one=solve_one,
        solve_batch=lambda values: lanes(usual, values, None),
        full=model,
        start=start,
        fixed={k: float(v) for k, v in fixed.items() if np.ndim(v) == 0},
    )


def _varied(
    model: "CompiledModel", vary: Mapping[str, tuple[float, float]] | None, fixed: dict[str, Any]
) -> tuple[Parameter, ...]:
    """The scalars that vary; an array name means all its elements."""
    table = model.parameters
    if vary is None:
        vary = {name: bounds for name, bounds in model.ranges.items() if name not in fixed}
        if not vary:
            raise ValueError(
                "there is nothing to vary: no parameter of the model has a range; "
                "give vary={'k1': (0.02, 0.06)}, or write `param k1 = 0.04 in 0.02..0.06` in the model"
            )
    values = {**fixed}
    found: list[Parameter] = []
    for name, bounds in vary.items():
        try:
            low, high = (float(b) for b in bounds)
        except (TypeError, ValueError):
            raise ValueError(f"the range of `{name}` is a pair (low, high), not {bounds!r}") from None
        for label in scalars_of(model.parameter_names, (name,))[0]:
            row = table[label]
            assert row.value is not None, "every parameter has a value"
            default = float(values.get(label, row.value))
            found.append(Parameter(label, low, high, min(max(default, low), high), row.unit))
    return tuple(found)


def declared_ranges(model: "CompiledModel") -> dict[str, tuple[float, float]]:
    """See `CompiledModel.ranges`."""
    flat = model.program.system.flat
    computed = [d.targets for d in flat.parameter_values if "param" in d.value.kinds]
    numbers = np.concatenate([np.zeros(0, dtype=np.int64), *computed])
    follows = np.isin(model.parameter_names.numbers(), numbers)
    return {
        row.name: row.range
        for row, follows_others in zip(model.parameters, follows, strict=True)
        if row.range is not None and not follows_others
    }


def _default_outputs(model: "CompiledModel") -> tuple[str, ...] | None:
    blocks = model.variable_names.blocks
    if sum(b.size for b in blocks) <= ALL_VARIABLES:
        return None
    states = {row.name for row in model.states}
    chosen = []
    for b in blocks:
        if b.kind == "output" or (len(b.path) == 1 and b.kind == "var"):
            chosen.append(b.name)
        elif b.kind == "var":
            chosen += [n for n in (b.scalar_name(k) for k in range(b.size)) if n in states]
    return tuple(dict.fromkeys(chosen))
