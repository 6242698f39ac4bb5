"""Absolute tolerances as a user gives them: a number, one for each state, or by name."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.check.quantities.conversion import quantity
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.solve.base.arguments import numbers

# Defaults, absolute and relative.
DEFAULT, RELATIVE = 1e-9, 1e-6
# Units of temperatures: their zero is far from where models are; the temperature of one that has no start.
TEMPERATURES, ICE = ("K", "degC", "degF"), 273.15
# A state that begins above it is nowhere near a tolerance that anybody asks for.
LARGE = 1e-3


def absolute(model: CompiledProgram, atol: Any) -> Any:
    """`atol` as a number, or a vector with one entry for each entry of y, in SI.

    A vector has one entry for each of `model.states`, in SI as y is; with names, numbers in declared units, and the
    default for what is not named. Raises `KeyError` for a wrong name and `ValueError` for a wrong length.
    """
    if atol is None or (not isinstance(atol, Mapping) and np.ndim(atol) == 0):
        return atol
    program = model.program
    system = program.system
    default = program.absolute(RELATIVE, DEFAULT, small_starts(model))
    entries: Any = np.array(np.broadcast_to(default, (program.size,)))
    if not isinstance(atol, Mapping):
        given = atol if isinstance(atol, jax.Array) else numbers(atol, "`atol`")
        if given.shape != (len(system.states),):
            raise ValueError(
                f"`atol` has one entry for each of the {len(system.states)} `model.states`, not {given.shape}"
            )
        return _put(entries, np.arange(len(system.states)), given)
    for name, value in atol.items():
        found = model.variable_names.find(name)
        at = _entries_of(model)[system.flat.alias[found.scalars.ravel()]]
        if np.any(at < 0):
            raise ValueError(f"`{name}` is computed from the states; give tolerances for `model.states`")
        if isinstance(value, str):
            value = quantity(name, value, found.block.unit, difference=True)
        value = value if isinstance(value, jax.Array) else np.asarray(value, dtype=float)
        if value.shape not in ((), found.shape):
            raise ValueError(f"the tolerance of `{name}` has shape {found.shape}, not {value.shape}")
        xp: Any = jnp if isinstance(value, jax.Array) else np
        entries = _put(entries, at, xp.broadcast_to(value * found.block.scale, found.shape).ravel())
    return entries


def names_quadratures(model: CompiledProgram, atol: Any) -> bool:
    """Whether `atol` holds tolerances of quadratures: then these count."""
    program = model.program
    if atol is None or not np.any(program.quadratures):
        return False
    if not isinstance(atol, Mapping):
        return np.ndim(atol) > 0
    alias, entries = program.system.flat.alias, _entries_of(model)
    named = [entries[alias[model.variable_names.find(name).scalars.ravel()]] for name in atol]
    return bool(np.any(program.quadratures[np.concatenate([np.zeros(0, dtype=np.int64), *named])]))


@artifact
def _entries_of(model: CompiledProgram) -> np.ndarray:
    """The entry of y that each variable is, -1 for one that is none."""
    system = model.program.system
    place = np.full(system.flat.size, -1, dtype=np.int64)
    place[system.states] = np.arange(len(system.states))
    algebraic = ~system.implicit_is_der
    place[system.implicit[algebraic]] = len(system.states) + np.flatnonzero(algebraic)
    return place


def small_starts(model: CompiledProgram) -> np.ndarray | None:
    """The declared starts of states that are small and not zero, zero for the others; None where there are none."""
    system = model.program.system
    start = np.nan_to_num(model.start_values[system.states])
    start = np.r_[np.where(np.abs(start) < LARGE, start, 0.0), np.zeros(len(system.implicit))]
    return start if np.any(start) else None


@artifact
def relative(model: CompiledProgram) -> float:
    """The part of `rtol` that runs take: so much that temperatures which declare a `nominal`, the size of what matters,
    are held to `rtol` of that, and not of their distance from absolute zero."""
    system = model.program.system
    places = {int(v): k for k, v in enumerate(system.states)}
    part = 1.0
    for block in model.declarations(system.states):
        if block.unit not in TEMPERATURES or "nominal" not in block.sizes:
            continue
        own = [k for k in range(block.size) if block.offset + k in places]
        start = np.abs(model.start_values[block.offset + np.array(own)])
        size = np.where(np.isnan(start), ICE, start)
        part = min(part, float(np.min(block.sizes["nominal"][own] / np.maximum(size, 1e-300))))
    return part


def _put(entries: Any, at: np.ndarray, values: Any) -> Any:
    if isinstance(entries, jax.Array) or isinstance(values, jax.Array):
        return jnp.asarray(entries).at[at].set(values)
    entries[at] = values
    return entries
