"""Inputs that equations read, that have no value in the model, and that a run does not drive."""

from collections.abc import Iterable, Iterator

import numpy as np

from stiffdsl.flat.conditions.events import families_of
from stiffdsl.flat.model import Family, FlatModel
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram

# So many names are told.
TOLD = 3


def refuse_undriven(model: CompiledProgram, given: Iterable[str]) -> None:
    """Raises `ValueError` where an input that equations read has no value of its own and is not `given`: the run
    would begin with what is not a number, and blame the equations."""
    open_ = _without_value(model)
    if not len(open_):
        return
    inputs = model.bindings.inputs
    taken = [inputs.find(name).scalars.ravel() for name in given if name in inputs]
    left = np.setdiff1d(open_, np.concatenate([np.zeros(0, dtype=np.int64), *taken]))
    if not len(left):
        return
    names = [
        block.scalar_name(int(k) - block.offset)
        for block in inputs.blocks
        for k in left[(left >= block.offset) & (left < block.offset + block.size)]
    ]
    told = ", ".join(f"`{name}`" for name in names[:TOLD]) + (", …" if len(names) > TOLD else "")
    one = len(names) == 1
    raise ValueError(
        f"nothing drives the input{'' if one else 's'} {told}, and the model gives {'it' if one else 'them'} no value: "
        f'give one in the run (`--set {names[0]}=…`, in Python `inputs={{"{names[0]}": …}}`), or write it in the model'
        " (`input u = 0`)"
    )


@artifact
def _without_value(model: CompiledProgram) -> np.ndarray:
    """The inputs that equations and events read and that have no value in the model, ascending."""
    flat = model.program.system.flat
    size = sum(block.size for block in flat.inputs)
    own = [d.targets for d in flat.input_values]
    own += [np.arange(block.offset, block.offset + block.size) for block, _ in flat.driven]
    own += [delay.inputs for delay in flat.delays]
    open_ = np.ones(size, dtype=bool)
    for targets in own:
        open_[targets] = False
    if not np.any(open_):
        return np.zeros(0, dtype=np.int64)
    read = np.zeros(size, dtype=bool)
    for family in _families(flat):
        for part in (family, *family.sums):
            for kind, column in zip(part.kinds, part.table.T, strict=True):
                if kind == "input":
                    read[column] = True
    return np.flatnonzero(open_ & read)


def _families(flat: FlatModel) -> Iterator[Family]:
    """The families of equations, starts and events that a run computes."""
    yield from flat.equations
    yield from flat.initial
    for definition in (*flat.starts, *flat.input_values):
        yield definition.value
    yield from families_of(flat.events)
