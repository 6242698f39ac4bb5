"""Values given for the lanes of an ensemble: which differ between lanes, which do not, and what is told of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jax.core import Tracer

from stiffdsl.check.quantities.conversion import quantity
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.bundles import apart
from stiffdsl.runtime.driving.inputs import lane_inputs
from stiffdsl.runtime.limits import refuse
from stiffdsl.runtime.networks import spread_out
from stiffdsl.solve.base.arguments import mapping, numbers


def refuse_constants(model: CompiledProgram, constants: Mapping[str, Any]) -> None:
    """Raises `ValueError` where an input of a lane lies outside of its declared bounds, or has another shape."""
    for name, values in constants.items():
        found = model.input_names.find(name)
        if values.shape[1:] != found.shape:
            raise ValueError(_of_lanes(name, found.shape, values.shape))
        if found.block.sizes and not isinstance(values, Tracer):
            refuse(found, values * found.block.scale + found.block.shift, "input")


def lane_values(
    model: CompiledProgram,
    params: Mapping[str, Any] | None,
    initial: Mapping[str, Any] | None,
    driven: dict[str, Any],
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, dict[str, Any]], int]:
    """Values that differ between lanes (on a leading axis), values that do not, and the number of lanes.

    `driven` holds the inputs that differ: values of tables (lanes, times), constants (lanes, ...).
    """
    kinds = (
        ("params", model.parameter_names, _spread(model, params), "parameter"),
        ("initial", model.variable_names, mapping(initial, "`initial`"), "initial value"),
    )
    varied: dict[str, dict[str, Any]] = {"params": {}, "initial": {}, "inputs": driven}
    fixed: dict[str, dict[str, Any]] = {"params": {}, "initial": {}}
    counts: dict[str, int] = {name: len(lanes) for name, lanes in driven.items()}
    # The first array that is the same in all lanes.
    whole: tuple[str, tuple[int, ...]] | None = None
    for kind, names, given, word in kinds:
        for name, value in given.items():
            found = names.find(name)
            array, differs = _lane_array(name, value, found, word)
            if differs:
                varied[kind][name] = array
                counts[name] = len(array)
            else:
                fixed[kind][name] = array
                whole = (name, found.shape) if array.ndim and whole is None else whole
    if not counts:
        raise ValueError(
            "an ensemble needs at least one array of values in `params`, `initial` or `inputs`, one for each lane"
            + ("" if whole is None else f"; {_of_lanes(whole[0], whole[1], whole[1])}")
        )
    if len(set(counts.values())) > 1:
        told = ", ".join(f"`{n}` {c}" for n, c in counts.items())
        raise ValueError(f"all arrays need one value for each lane, but there are {told}")
    count = next(iter(counts.values()))
    if count == 0:
        raise ValueError("an ensemble needs at least one lane")
    return varied, fixed, count


def _spread(model: CompiledProgram, params: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """`params` with the arrays of networks by name."""
    return spread_out(model.program.system.flat.networks, mapping(params, "`params`"))


def _lane_array(name: str, value: Any, found: Any, word: str) -> tuple[Any, bool]:
    """A given value as an array, and whether its leading axis is that of lanes. Raises `ValueError` for another shape,
    and for values outside of the declared bounds."""
    rank = len(found.shape)
    if isinstance(value, str):
        value = quantity(name, value, found.block.unit, labels=found.block.labels)
    traced = isinstance(value, Tracer)
    array = value if traced else numbers(value, f"`{name}`")
    if array.ndim > rank + 1 or array.shape[max(0, array.ndim - rank) :] not in ((), found.shape):
        raise ValueError(_of_lanes(name, found.shape, array.shape))
    differs = array.ndim == rank + 1
    if found.block.sizes and not traced:
        lanes_of = array.reshape(-1, *found.shape) if differs else array
        refuse(found, lanes_of * found.block.scale + found.block.shift, word)
    return array, differs


def _of_lanes(name: str, shape: tuple[int, ...], given: tuple[int, ...]) -> str:
    """The message on the shape that values over lanes of a name must have, and the shape given."""
    axes = ", ".join(map(str, shape))
    if not shape:
        return f"`{name}` takes one number for each lane, not an array of shape {given}"
    one = ", ".join(["1"] * len(shape))
    same = "is the same in all lanes" if given == shape else "is neither"
    return (
        f"`{name}` is an array: all of it over lanes is an array (lanes, {axes}), one element `{name}[{one}]: [...]`; "
        f"what is given, of shape {given}, {same}"
    )


def lanes_told(
    model: CompiledProgram,
    outputs: Sequence[str],
    params: Mapping[str, Any] | None,
    initial: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
) -> tuple[dict[str, Any], dict[str, str | None], dict[str, str]]:
    """Values that differ between the lanes of an ensemble by name, the declared units of these and of outputs, and the
    documentation of outputs."""
    varied: dict[str, Any] = {}
    units: dict[str, str | None] = {}
    constants = lane_inputs(apart(inputs, model.bindings.inputs), model.bindings.input_rank)[2]
    kinds = (
        (model.parameter_names, _spread(model, params)),
        (model.variable_names, initial or {}),
        (model.input_names, constants),
    )
    for names, given in kinds:
        for name, value in given.items():
            found = names.find(name)
            if isinstance(value, str):
                value = quantity(name, value, found.block.unit, labels=found.block.labels)
            if np.ndim(value) == len(found.shape) + 1:
                varied[name] = value
                units[name] = found.block.unit
                units |= dict.fromkeys(
                    (found.block.scalar_name(int(k) - found.block.offset) for k in found.scalars.ravel()),
                    found.block.unit,
                )
    of_outputs, docs = _outputs_told(model, tuple(outputs))
    return varied, units | of_outputs, dict(docs)


@artifact
def _outputs_told(
    model: CompiledProgram, outputs: tuple[str, ...]
) -> tuple[dict[str, str | None], dict[str, str]]:
    """Declared units and documentation of outputs."""
    blocks = {name: model.variable_names.find(name).block for name in outputs}
    units = {name: block.unit for name, block in blocks.items()}
    return units, {name: block.doc for name, block in blocks.items() if block.doc}
