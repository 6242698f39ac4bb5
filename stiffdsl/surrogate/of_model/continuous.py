"""One run of a model as a function of time, for what wants to know it between the times that are saved."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.run.simulate import simulate
from stiffdsl.solve.base.options import Options


def continuous(
    model: CompiledProgram,
    options: Options,
    time: tuple[float, float],
    labels: tuple[str, ...],
    params: Mapping[str, Any],
    initial: Mapping[str, Any] | None,
    inputs: Mapping[str, Any],
) -> Callable[[np.ndarray], np.ndarray] | None:
    """A function of times (k,) that gives the variables `labels`, (k, q) in declared units; None where it fails."""
    found = simulate(model, options, time, params, inputs, None, None, initial, None)
    if not found.success or not found.continuous:
        return None

    def at(times: np.ndarray) -> np.ndarray:
        every = found.view.evaluate(times, np.asarray(found(times)))
        return np.stack([found.view.pick(every, label) for label in labels], axis=1)

    return at
