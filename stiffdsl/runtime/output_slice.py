"""The part of a model that named outputs need, compiled; and what is given for the whole, for that part."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stiffdsl.graph.prune import kept_entries, prune
from stiffdsl.program.kinks import depends
from stiffdsl.program.lower import lower
from stiffdsl.program.outputs import with_outputs
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.backend import Backend, backend
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.emit import functions
from stiffdsl.runtime.names import scalars_of
from stiffdsl.solve.base.arguments import names


@dataclass(frozen=True, eq=False)
class OutputSlice:
    """`labels` are the outputs, `numbers` their variables; `kept` the places in y of what is left of it."""

    model: CompiledProgram
    labels: tuple[str, ...]
    numbers: np.ndarray
    kept: np.ndarray

    def restricted(self, initial: Overrides) -> Overrides:
        """Overrides of all of y restricted to the entries that are left."""
        values, mask = initial.values[self.kept], initial.mask[self.kept]
        return Overrides(values, mask, initial.apart_values, initial.apart_mask)

    def evaluated(self) -> Any:
        """`outputs(t, y, p, u)`: the outputs in SI, and nothing else, over JAX; by a kernel where it is long."""
        return output_values(self.model, self.numbers)


@artifact
def _outputs(model: CompiledProgram, numbers: tuple[int, ...], by: Backend) -> Any:
    """`outputs(t, y, p, u)` of the variables `numbers` over JAX."""
    program = with_outputs(model.program, np.array(numbers, dtype=np.int64))
    return by.function(program, program.by_name["outputs"], functions(program).outputs)


def output_values(model: CompiledProgram, numbers: np.ndarray) -> Any:
    """`outputs(t, y, p, u)` of the variables `numbers` over JAX."""
    return _outputs(model, tuple(numbers.tolist()), backend())


def reads_inputs(model: CompiledProgram, numbers: np.ndarray) -> bool:
    """Whether the variables `numbers` are computed from inputs."""
    return depends(with_outputs(model.program, numbers).by_name["outputs"].ops, "u")


def direct_entries(model: CompiledProgram, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The states that the variables `numbers` are, by their places in y, and signs; None where one is none."""
    flat, states = model.program.system.flat, model.program.system.states
    place = np.full(flat.size, -1, dtype=np.int64)
    place[states] = np.arange(len(states))
    direct = place[flat.alias[numbers]]
    return (direct, flat.sign[numbers].astype(float)) if np.all(direct >= 0) else None


def counting(model: CompiledProgram, quadratures: bool) -> CompiledProgram:
    """The model, whose quadratures count in the error norm where that is asked for."""
    return _counting(model) if quadratures and np.any(model.program.quadratures) else model


@artifact
def _counting(model: CompiledProgram) -> CompiledProgram:
    return replace(model, program=replace(model.program, counts_quadratures=True))


def names_of(outputs: Sequence[str] | None) -> tuple[str, ...] | None:
    """Outputs as they were asked for. A text is one name, not its letters."""
    return names(outputs, "`outputs`")


def output_slice(model: CompiledProgram, outputs: Sequence[str] | None) -> OutputSlice:
    """The part of `model` that `outputs` need; the model itself where that is all of its states.

    Raises `KeyError` for a name that is no variable.
    """
    return _output_slice(model, names_of(outputs))


@artifact
def _output_slice(model: CompiledProgram, outputs: tuple[str, ...] | None) -> OutputSlice:
    labels, numbers = scalars_of(model.variable_names, outputs)
    program, system = model.program, model.program.system
    part, kept = model, np.arange(program.size)
    if outputs is not None:
        left = prune(system, (program.rows, program.columns), numbers)
        # What is delayed may be left out of what outputs need.
        if left.size < system.size and not system.flat.delays:
            kept = kept_entries(system, left)
            part = replace(model, program=lower(left), whole=(model, labels))
    return OutputSlice(part, labels, numbers, kept)
