"""The kernel that looks for the start of a model: for programs of JAX (`start_search.py`), and for the host."""

import numpy as np

from stiffdsl import native
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.backend import backend
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.initialization.consistent_start import Anchor


def operations(model: CompiledProgram) -> int:
    """The number of operations of the start problem and of its Jacobian."""
    program = model.program
    return sum(len(program.by_name[f].ops) for f in ("initial_residual", "initial_jacobian"))


def on_the_host(model: CompiledProgram) -> native.SearchKernel | None:
    """The kernel, where it is worth compiling for the host."""
    return start_kernel(model) if operations(model) >= model.thresholds.host_start_kernel else None


def start_kernel(model: CompiledProgram) -> native.SearchKernel | None:
    """The kernel, with pivots for the start of the declared model; None where there is none."""
    if not len(model.program.system.initial.free):
        return None
    return search_kernel(model)


@artifact
def search_kernel(model: CompiledProgram) -> native.SearchKernel | None:
    """The kernel of a model whose start is to be searched for."""
    return backend().search(
        native.start_problem(model.program),
        _sample(model, model.declared_start(model)),
        model.thresholds.form,
    )


def _sample(model: CompiledProgram, known: Anchor | None) -> np.ndarray | None:
    """The Jacobian where the declared model begins."""
    if known is None:
        return None
    t = float(model.experiment.get("time", (0.0, 0.0))[0])
    u = known.args.inputs.at(t)
    with np.errstate(all="ignore"):
        values = model.interpreted.initial_jacobian(t, known.y, np.asarray(known.args.p), u, known.start)
    return np.asarray(values, dtype=float)
