"""A model's equations as data, for surrogates that are made of them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stiffdsl.program.outputs import with_outputs
from stiffdsl.program.program import Function
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.surrogate.core.formula import Formula
from stiffdsl.surrogate.core.task import Drive, Equations, Parameter


def equations(
    model: CompiledProgram,
    numbers: np.ndarray,
    parameters: tuple[Parameter, ...],
    drives: tuple[Drive, ...],
    fixed: Mapping[str, Mapping[str, Any]],
    states: Callable[[np.ndarray, np.ndarray, tuple[str, ...]], tuple[np.ndarray, np.ndarray]],
) -> Equations | str:
    """The equations of the outputs `numbers`, or why there are none; `states(values, times, names)` solves."""
    program = model.program
    reason = _unfit(model)
    if reason is not None:
        return reason
    declared = model.declarations(numbers)
    base, matrix, mask = _given(model, parameters, fixed["params"])
    inputs = _input_values(model, fixed["inputs"])
    scale = np.zeros((len(drives), len(inputs)))
    for k, drive in enumerate(drives):
        found = model.input_names.find(drive.name)
        at = found.scalars.ravel()
        inputs[at], scale[k, at] = found.block.shift, found.block.scale
    names = tuple(row.name for row in model.states)
    units = model.declarations(program.system.states)
    state_scale, state_shift = (np.array([getattr(b, k) for b in units]) for k in ("scale", "shift"))

    def snapshots(values: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, good = states(values, times, names)
        return found * state_scale + state_shift, good

    outputs = with_outputs(program, numbers)
    return Equations(
        size=program.size,
        rhs=_formula(program.by_name["rhs"], program.tables),
        outputs=_formula(outputs.by_name["outputs"], outputs.tables),
        scale=np.array([b.scale for b in declared]),
        shift=np.array([b.shift for b in declared]),
        parameters=_formula(program.by_name["parameters"], program.tables),
        given=(base, matrix, mask),
        inputs=(inputs, scale),
        states=snapshots,
    )


def _unfit(model: CompiledProgram) -> str | None:
    program = model.program
    if len(program.system.implicit):
        return "the model has algebraic unknowns"
    if program.system.invariants:
        return "the model has constraints that are kept by projection"
    if len(program.crossings_periodic):
        return "the model has conditions on time"
    if any(op.name == "input" and op.data == "p" for op in program.by_name["input_defaults"].ops):
        return "its inputs depend on parameters"
    return None


def _given(
    model: CompiledProgram, parameters: tuple[Parameter, ...], fixed: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Given parameters in SI, affine in the varied values: `base + values @ matrix`; and the mask of them."""
    middle = {p.name: 0.0 for p in parameters if p.kind == "parameter"}
    start = model.bindings.params({**fixed, **middle})
    base, mask = np.asarray(start.values, dtype=float), np.asarray(start.mask, dtype=float)
    matrix = np.zeros((len(parameters), len(base)))
    for k, p in enumerate(parameters):
        if p.kind == "parameter":
            moved = model.bindings.params({**fixed, **middle, p.name: 1.0})
            matrix[k] = np.asarray(moved.values, dtype=float) - base
    return base, matrix, mask


def _input_values(model: CompiledProgram, given: Mapping[str, Any]) -> np.ndarray:
    u = model.default_inputs.copy()
    constant, _ = model.bindings.driven(given)
    return np.where(constant.mask, constant.values, u) if constant.given else u


def _formula(function: Function, tables: Mapping[str, np.ndarray]) -> Formula:
    used = {op.data for op in function.ops if op.name in ("table", "take", "take_sum")}
    reads = {op.data: np.arange(op.size) for op in function.ops if op.name == "input" and op.size is not None}
    return Formula(tuple(function.ops), {name: tables[name] for name in used}, reads)
