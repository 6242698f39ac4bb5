"""The kernel that looks for the start of a model: for programs of JAX (`start_search.py`), and for the host."""

from collections.abc import Callable

import numpy as np

from stiffdsl import native
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.initialization.consistent_start import Anchor
from stiffdsl.solve.base import kernels

# Operations of the start problem from which on the host takes it: NumPy takes a microsecond for each, twenty times.
LONG = 300


def operations(model: CompiledProgram) -> int:
    """The number of operations of the start problem and of its Jacobian."""
    program = model.program
    return sum(len(program.by_name[f].ops) for f in ("initial_residual", "initial_jacobian"))


def on_the_host(model: CompiledProgram, known: Callable[[], Anchor | None]) -> native.SearchKernel | None:
    """The kernel, where it is worth compiling for the host."""
    return start_kernel(model, known) if operations(model) >= LONG else None


def start_kernel(model: CompiledProgram, known: Callable[[], Anchor | None]) -> native.SearchKernel | None:
    """The kernel, with pivots for the start of the declared model, `known()`; None where there is none."""
    if not len(model.program.system.initial.free) or not kernels.on_cpu():
        return None
    if "start kernel" not in model.cache:
        model.cache["start kernel"] = native.search_of(
            native.start_problem(model.program), _sample(model, known())
        )
    return model.cache["start kernel"]


def _sample(model: CompiledProgram, known: Anchor | None) -> np.ndarray | None:
    """The Jacobian where the declared model begins."""
    if known is None:
        return None
    t = float(model.experiment.get("time", (0.0, 0.0))[0])
    u = known.args.inputs.table(np.array([t]))[0]
    with np.errstate(all="ignore"):
        values = model.interpreted.initial_jacobian(t, known.y, np.asarray(known.args.p), u, known.start)
    return np.asarray(values, dtype=float)
