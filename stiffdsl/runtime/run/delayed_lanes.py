"""Lanes of a model with `delay`: one run after another by the method of steps, with the programs that all of them
share."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stiffdsl.runtime import executors
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.names import scalars_of
from stiffdsl.runtime.run.simulate import simulate
from stiffdsl.solve.base.status import reached
from stiffdsl.solve.integrate.ensemble import Ensemble, InterruptedRuns
from stiffdsl.solve.integrate.loop import Counts


def delayed_ensemble(
    model: CompiledProgram,
    task: executors.EnsembleTask,
    varied: Mapping[str, Mapping[str, Any]],
    count: int,
    progress: Callable[[float], None] | None,
) -> Ensemble:
    """All lanes; `details` hold the first lane of every end that is none, and why it ended there."""
    labels, _ = scalars_of(model.variable_names, task.outputs)
    values = np.full((count, len(task.saveat), len(labels)), np.nan)
    status, total = np.zeros(count, dtype=np.int32), dict.fromkeys(Counts._fields, 0)
    details: dict[int, tuple[int, str]] = {}
    for lane in range(count):
        own = {kind: {name: v[lane] for name, v in given.items()} for kind, given in varied.items()}
        params, initial = ({**task.fixed[kind], **own[kind]} for kind in ("params", "initial"))
        inputs = {
            **task.inputs,
            **{k: executors.of_lane(task.inputs[k], v) for k, v in own["inputs"].items()},
        }
        try:
            found = simulate(
                model, task.options, task.time, params, inputs, task.saveat, None, initial or None, None
            )
        except KeyboardInterrupt:
            stop = InterruptedRuns(np.arange(lane), None)
            if lane:
                stop.ensemble = Ensemble(np.asarray(task.saveat), labels, values[:lane], status[:lane], total)
            raise stop from None
        status[lane] = int(found.status)
        if not reached(found.status):
            details.setdefault(int(found.status), (lane, found.reason))
        # A run without a consistent start has no values.
        if found.stats:
            for k, label in enumerate(labels):
                values[lane, : len(found.t), k] = found[label]
            total = {name: total[name] + found.stats[name] for name in total}
        if progress is not None:
            progress((lane + 1) / count)
    made = Ensemble(np.asarray(task.saveat), labels, values, status, total)
    made.details |= details
    return made
