"""The runs of a model that one command asks for: many values of parameters, and derivatives by them."""

import time
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import click
import numpy as np

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.interruption import noticed, telling
from stiffdsl.cli.loading import Loaded, compile_source, find_const, in_declared_unit, unknown_name
from stiffdsl.cli.options import Sweep
from stiffdsl.cli.terminal import progress
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.ensemble import InterruptedRuns

# Lanes that a report lists one by one; parameters that sensitivities are taken by where none has a range.
LISTED, PARAMETERS = 24, 50


@dataclass(frozen=True)
class RunArguments:
    """The arguments common to all runs of a command: the model, values given for it, and solver options."""

    loaded: Loaded
    outputs: tuple[str, ...] | None
    initial: dict[str, float]
    inputs: dict[str, Any]
    points: int | None
    saveat: np.ndarray | None
    time: tuple[float, float] | None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> Any:
        return self.loaded.model

    def times(self) -> np.ndarray:
        """The times to save: as given, or spread over the interval as the experiment says."""
        from stiffdsl.runtime.run.times import POINTS, interval, spread

        if self.saveat is not None:
            return self.saveat
        start, end = interval(self.model, self.time)
        points = self.points or int(self.model.experiment.get("points", POINTS))
        return spread(self.model, start, end, points)

    def notes(self) -> list[str]:
        """Notes on inputs from files that do not reach over the interval."""
        from stiffdsl.runtime.driving.held_ends import held_ends
        from stiffdsl.runtime.run.times import interval

        span = interval(self.model, self.time, self.saveat)
        return held_ends(self.model.bindings.driven(self.inputs, span)[1], self.inputs, *span)

    def told(self) -> tuple[str, ...]:
        """The outputs to show: as given, else what the model declares as output, else what it declares itself."""
        if self.outputs is not None:
            return self.outputs
        blocks = self.model.variable_names.blocks
        declared = [b for b in blocks if b.kind == "output"] or [b for b in blocks if len(b.path) == 1]
        return tuple(b.name for b in declared or blocks)


def swept_values(call: RunArguments, sweeps: tuple[Sweep, ...]) -> dict[str, np.ndarray]:
    """The values of every lane by parameter, input or state, in declared units: all combinations, the last sweep
    moving fastest."""
    axes: dict[str, np.ndarray] = {}
    for sweep in sweeps:
        names = _names_with(call.model, sweep.name)
        if names is None:
            raise click.UsageError(f"--sweep: {_not_swept(call, sweep.name)}")
        if names.find(sweep.name).shape:
            raise click.UsageError(f"--sweep {sweep.name}: name one element, such as `{sweep.name}[1]`")
        if sweep.name in call.inputs:
            raise click.UsageError(
                f"--sweep {sweep.name}: --input drives it over time; leave one of them out"
            )
        if sweep.name in axes:
            raise click.UsageError(f"--sweep {sweep.name} is there twice")
        block = names.find(sweep.name).block
        axes[sweep.name] = np.asarray(in_declared_unit(sweep, block.unit, block.labels))
    lanes = np.array(list(product(*axes.values()))).reshape(-1, len(axes))
    return {name: lanes[:, k] for k, name in enumerate(axes)}


def _not_swept(call: RunArguments, name: str) -> str:
    """The message on a name that is neither parameter nor input nor state."""
    origin = call.model.origin
    root = compile_source(call.loaded.source, origin.model if origin else None, {}, stop_after="check").root
    if find_const(root, name) is not None:
        return f"`{name}` is a const, with which the model is compiled: run the command for each --set {name}=..."
    tables = (call.model.parameters, call.model.inputs, call.model.states)
    rows = {str(k): {row.name: row for row in table} for k, table in enumerate(tables)}
    return unknown_name(name, call.model, rows, sweeping=True)


def _names_with(model: Any, name: str) -> Any:
    """The names of parameters, of inputs, or of states, in which there is this one; None where there is none."""
    for names in (model.parameter_names, model.input_names):
        if name in names:
            return names
    states = {row.name for row in model.states}
    return model.variable_names if name in states or any(s.startswith(f"{name}[") for s in states) else None


def drawn_values(call: RunArguments, count: int, seed: int) -> dict[str, np.ndarray]:
    """The values of every lane by parameter, by their distributions, or evenly over the declared ranges."""
    try:
        drawn = call.model.draw(count, seed, params=call.loaded.params)
    except ValueError as error:
        raise Failure(str(error)) from None
    return {name: lanes for array, values in drawn.items() for name, lanes in _by_scalar(call, array, values)}


def _by_scalar(call: RunArguments, name: str, values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The lanes of every scalar of what was drawn under one name."""
    found = call.model.parameter_names.find(name)
    names = [found.block.scalar_name(int(k) - found.block.offset) for k in found.scalars.ravel()]
    return list(zip(names, values.reshape(len(values), -1).T, strict=True))


def run_lanes(call: RunArguments, lanes: dict[str, np.ndarray]) -> tuple[Any, int]:
    """The ensemble over the values of `lanes`, and how many that are; fewer are in it where Ctrl-C ended it. Progress
    counts runs."""
    from stiffdsl.surrogate.learn.progress import duration

    count = len(next(iter(lanes.values())))
    params, inputs, initial = by_kind(call, lanes)
    nothing = "no run was finished yet: nothing is kept"
    with progress(f"solving {count:,} runs") as tell, telling(lambda: nothing):
        begin = time.monotonic()

        def done(share: float) -> None:
            left = (1 - share) / share * (time.monotonic() - begin) if 0 < share < 1 else 0.0
            after = f", about {duration(left)} left" if left else ""
            tell(f"solving runs: {round(share * count):,} of {count:,}{after}")

        try:
            found = call.model.ensemble(
                params,
                call.times(),
                call.told(),
                time=call.time,
                initial=initial or None,
                inputs=inputs or None,
                progress=done,
                **call.options,
            )
        except ValueError as error:
            raise Failure(str(error)) from None
        except InterruptedRuns as stop:
            if stop.ensemble is None:
                raise
            noticed()
            found = stop.ensemble
        return found, count


def by_kind(call: RunArguments, lanes: dict[str, np.ndarray]) -> tuple[dict[str, Any], ...]:
    """Parameters, inputs and start values of many runs: what is given for all, with `lanes` in their places."""
    given = (call.loaded.params, {**call.loaded.inputs, **call.inputs}, call.initial)
    places = (call.model.parameter_names, call.model.input_names, call.model.variable_names)
    return tuple(
        {name: value for name, value in own.items() if name not in lanes}
        | {name: value for name, value in lanes.items() if name in names}
        for own, names in zip(given, places, strict=True)
    )


def ensemble_report(batch: Any, seconds: dict[str, float], written: list[str]) -> dict[str, Any]:
    """The report of an ensemble: how many runs ended how, where outputs end, and the runs one by one."""
    values = np.asarray(batch.values, dtype=float)
    last = values[:, -1, :] if values.shape[1] else np.full((len(batch), len(batch.outputs)), np.nan)
    outputs = []
    for k, name in enumerate(batch.outputs):
        reached = last[np.isfinite(last[:, k]), k]
        quantiles = np.quantile(reached, (0, 0.05, 0.5, 0.95, 1)) if len(reached) else np.full(5, np.nan)
        row = dict(zip(("least", "p5", "median", "p95", "greatest"), quantiles, strict=True))
        outputs.append({"name": name, "unit": batch.units.get(name)} | row)
    reasons, stopped = batch.reasons(), batch.status == int(Status.STOPPED)
    lanes = [
        {
            "varied": {name: np.asarray(v)[k] for name, v in batch.varied.items()},
            "success": bool(batch.success[k]),
            "stopped": bool(stopped[k]),
            "reason": reasons[k],
            "last": dict(zip(batch.outputs, last[k].tolist(), strict=True)),
        }
        for k in range(len(batch))
    ]
    return {
        "model": batch.model_name,
        "status": "success" if batch.success.all() else "failed",
        "runs": len(batch),
        "failed": int((~batch.success).sum()),
        "stopped": int(stopped.sum()),
        "time": [batch.t[0], batch.t[-1]] if len(batch.t) else [],
        "points": len(batch.t),
        "stats": batch.stats,
        "seconds": seconds,
        "varied": {
            n: {"unit": batch.units.get(n), "low": np.min(v), "high": np.max(v)}
            for n, v in batch.varied.items()
        },
        "outputs": outputs,
        "lanes": lanes,
        "warnings": list(batch.notes),
        "written": written,
    }


def sensitivities(
    call: RunArguments,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...], list[str]]:
    """Times, values (times, outputs), derivatives (times, outputs, parameters) in declared units, and their names.

    Exact derivatives of the solver, by parameters that have a range, or by all numbers where none has one.
    """
    import jax

    from stiffdsl.runtime.names import scalars_of

    model = call.model
    rows = {row.name: row for row in model.parameters}
    names = [name for name in model.ranges if name in rows] or list(rows)[: PARAMETERS + 1]
    if not names:
        raise Failure("the model has no parameter that a sensitivity could be taken by")
    if len(names) > PARAMETERS and not model.ranges:
        raise Failure(
            f"the model has more than {PARAMETERS} parameters: give those of interest a range (`in 1..5`)"
        )
    at = {name: _value(call, rows[name]) for name in names}
    fixed = {name: value for name, value in call.loaded.params.items() if name not in at}
    labels, _ = scalars_of(model.variable_names, call.told())
    times = call.times()
    inputs = {**call.loaded.inputs, **call.inputs} or None
    with progress(f"differentiating by {len(names)} parameters"):
        try:
            solve = model.solver(times, call.told(), time=call.time, **call.options)

            def solved(values: dict[str, Any]) -> Any:
                return solve({**fixed, **values}, call.initial or None, inputs)

            found = np.asarray(solved(at))
            by_name = jax.jacfwd(solved)(at)
        except ValueError as error:
            raise Failure(str(error)) from None
    return times, found, np.stack([np.asarray(by_name[n]) for n in names], axis=-1), labels, names


def _value(call: RunArguments, row: Any) -> float:
    """A parameter's value in this call, in its declared unit."""
    given = call.loaded.params.get(row.name)
    return float(row.value if given is None else given)


def _slope_unit(output: str | None, parameter: str | None) -> str | None:
    """The unit of a derivative, None where the output is declared without one; differences of degrees are in kelvin."""
    if output is None:
        return None
    above, below = ("K" if unit == "degC" else unit for unit in (output, parameter))
    if below in (None, "1"):
        return above
    return f"{above}/({below})" if any(mark in below for mark in "*/ ") else f"{above}/{below}"


def sensitivity_report(
    call: RunArguments,
    found: tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...], list[str]],
    written: list[str],
) -> dict[str, Any]:
    """Derivatives at the end, and relative ones: by how many percent an output moves where a parameter moves by one."""
    times, values, slopes, outputs, names = found
    rows = {row.name: row for row in call.model.parameters}
    at = np.array([_value(call, rows[name]) for name in names])
    size = np.nanmax(np.abs(values), axis=0, initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = slopes * at / size[:, None]
    table = []
    for i, output in enumerate(outputs):
        for j, name in enumerate(names):
            reached = np.abs(relative[:, i, j])
            most = int(np.nanargmax(reached)) if np.isfinite(reached).any() else 0
            table.append(
                {
                    "output": output,
                    "parameter": name,
                    "unit": _slope_unit(call.model.variable_names.find(output).block.unit, rows[name].unit),
                    "at_end": slopes[-1, i, j],
                    "relative_at_end": relative[-1, i, j],
                    "relative_most": relative[most, i, j],
                    "time_of_most": times[most],
                }
            )
    ok = bool(np.isfinite(values).all())
    return {
        "model": call.model.name,
        "status": "success" if ok else "failed",
        "time": [times[0], times[-1]],
        "parameters": {
            name: {"value": value, "unit": rows[name].unit} for name, value in zip(names, at, strict=True)
        },
        "sensitivities": table,
        "warnings": call.notes(),
        "written": written,
    }
