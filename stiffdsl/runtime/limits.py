"""Values outside of what their declarations allow: given ones are refused, those of a run are told."""

from typing import Any

import numpy as np

from stiffdsl.flat.model import Block
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.bounds import SIDES, outside, refuse
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.names import NamedScalars
from stiffdsl.runtime.tolerance import TEMPERATURES, relative

# A run is outside where it is so by more than its tolerances, this many times.
MARGIN = 10.0
# A start may be off by rounding.
ROUNDING = 1e-9
# Names that one note lists.
MOST_NAMES = 4
# Of what moved by less than so many allowed errors hardly two digits are known.
FEW_DIGITS = 100.0


@artifact
def _limited(model: CompiledProgram, kind: str) -> list[Block]:
    """The declarations with a `min` or a `max`: those of `variables` or of `parameters`."""
    blocks: tuple[Block, ...] = getattr(model.program.system.flat, kind)
    return [b for b in blocks if "min" in b.sizes or "max" in b.sizes]


def makes_sense(model: CompiledProgram, p: Any) -> Any:
    """Whether hidden parameters lie within their limits: what follows from parameters that make no sense together does
    not (the ends of a field that are crossed)."""
    sound: Any = True
    for block in _limited(model, "parameters"):
        if block.kind == "hidden":
            sound &= (p[block.offset : block.offset + block.size] >= block.sizes["min"]).all()
    return sound


def refuse_parameters(model: CompiledProgram, p: np.ndarray) -> None:
    """Raises `ValueError` where a parameter, given or computed from others, lies outside."""
    for block in _limited(model, "parameters"):
        scalars = block.offset + np.arange(block.size)
        refuse(NamedScalars(block, scalars, (block.size,)), p[scalars], "parameter")


def refuse_start(model: CompiledProgram, y: np.ndarray) -> None:
    """Raises `ValueError` where a state begins outside."""
    for block, own, values in _states(model, y[None]):
        for side, sign, word in SIDES:
            if side not in block.sizes:
                continue
            limit = block.sizes[side][own]
            wrong = np.flatnonzero(sign * (values[0] - limit) > ROUNDING * np.abs(limit) + 1e-300)
            if len(wrong):
                k = int(wrong[0])
                told = outside(block, int(own[k]), values[0, k], limit[k], side, word)
                raise ValueError(f"the start of {told}")


def notes(
    model: CompiledProgram, evaluate: Any, t: np.ndarray, y: np.ndarray, rtol: float, atol: Any
) -> list[str]:
    """Notes on a run: variables that left their declared range, states that stayed below `atol`, and temperatures that
    moved little beside `rtol` of their distance from absolute zero.

    `evaluate(t, y)` gives every declared variable, (n, variables); it is called only where one that is no state is
    limited.
    """
    blocks = _limited(model, "variables")
    unseen = _unseen(model, y, atol) + _coarse(model, y, rtol * relative(model))
    if not blocks:
        return unseen
    finite = np.all(np.isfinite(y), axis=1)
    t, y = t[finite], y[finite]
    if not len(t):
        return unseen
    found = []
    states = {id(b): (own, values) for b, own, values in _states(model, y)}
    every: np.ndarray | None = None
    for block in blocks:
        own, values = states.get(id(block), (np.zeros(0, dtype=np.int64), np.zeros((len(t), 0))))
        if len(own) < block.size:
            if every is None:
                every = np.asarray(evaluate(t, y))
            own = np.arange(block.size)
            values = every[:, block.offset : block.offset + block.size]
        found += _left(block, own, t, values, rtol, float(np.min(atol)))
    return found + unseen


def _left(
    block: Block, own: np.ndarray, t: np.ndarray, values: np.ndarray, rtol: float, atol: float
) -> list[str]:
    told = []
    nominal = block.sizes.get("nominal", np.ones(block.size))[own]
    for side, sign, word in SIDES:
        if side not in block.sizes:
            continue
        limit = block.sizes[side][own]
        margin = MARGIN * (atol * nominal + rtol * np.abs(limit))
        beyond = np.where(np.isfinite(values), sign * (values - limit) - margin, -1.0)
        if not np.any(beyond > 0):
            continue
        first = int(np.argmax(np.any(beyond > 0, axis=1)))
        at, k = np.unravel_index(np.argmax(beyond), beyond.shape)
        if block.kind == "hidden":
            told.append(f"{block.doc}, first at time {t[first]:.6g}")
            continue
        worst = outside(block, int(own[k]), values[at, k], limit[k], side, word)
        told.append(f"{worst}, at time {t[at]:.6g}; it was first outside at {t[first]:.6g}")
    return told


def _unseen(model: CompiledProgram, y: np.ndarray, atol: Any) -> list[str]:
    """States that were never larger than the error that they are allowed, declaration by declaration."""
    system = model.program.system
    count = len(system.states)
    reached = np.maximum(y[:, :count].max(axis=0), -y[:, :count].min(axis=0))
    allowed = atol[:count] if np.ndim(atol) else atol
    below = reached < allowed
    if not below.any():
        return []
    allowed = np.broadcast_to(np.asarray(allowed, dtype=float), (count,))
    unseen = (reached > 0) & (reached < allowed) & model.program.counted[:count]
    if not np.any(unseen):
        return []
    names, most, least = [], 0.0, np.inf
    for block in dict.fromkeys(model.declarations(system.states[unseen])):
        here = (system.states >= block.offset) & (system.states < block.offset + block.size)
        if block.kind != "hidden" and np.all(reached[here] < allowed[here]):
            names.append(f"`{block.name}`")
            most, least = max(most, float(np.max(reached[here]))), min(least, float(np.min(allowed[here])))
    if not names:
        return []
    listed = ", ".join(names[:MOST_NAMES]) + (
        f" and {len(names) - MOST_NAMES} more" * (len(names) > MOST_NAMES)
    )
    text = f"{listed} never exceeded `atol`: {most:.3g} at most, for {least:.3g} in SI units"
    return [f"{text}; declare `nominal`, or give a smaller `atol`"]


@artifact
def _temperatures(model: CompiledProgram) -> np.ndarray:
    """The entries of y that are declared as temperatures, and of which no `nominal` says what matters."""
    found = [
        block.unit in TEMPERATURES and "nominal" not in block.sizes and block.kind != "hidden"
        for block in model.declarations(model.program.system.states)
    ]
    return np.flatnonzero(found)


def _coarse(model: CompiledProgram, y: np.ndarray, rtol: float) -> list[str]:
    """Temperatures that moved by a few of the errors that they are allowed, in one sentence on the worst."""
    own = _temperatures(model)
    if not len(own) or not len(y):
        return []
    low, high = y[:, own].min(axis=0), y[:, own].max(axis=0)
    allowed, moved = rtol * np.maximum(np.abs(low), np.abs(high)), high - low
    coarse = np.flatnonzero((moved > allowed) & (moved < FEW_DIGITS * allowed))
    if not len(coarse):
        return []
    k = coarse[np.argmin(moved[coarse] / allowed[coarse])]
    name = model.program.system.flat.variable_name(int(model.program.system.states[own[k]]))
    more = f" ({len(coarse) - 1} more alike)" * (len(coarse) > 1)
    return [
        f"`{name}` moved by {moved[k]:.3g} K, and `rtol` = {rtol:g} is relative to absolute zero: each step may err by "
        f"{allowed[k]:.3g} K{more}; declare its `nominal`, the size of what matters, or give a smaller `rtol`"
    ]


def _states(model: CompiledProgram, y: np.ndarray) -> list[tuple[Block, np.ndarray, np.ndarray]]:
    """Limited declarations whose scalars are states: which of them, and their values over time."""
    system = model.program.system
    flat = system.flat
    blocks = _limited(model, "variables")
    if not blocks:
        return []
    place = np.full(flat.size, -1, dtype=np.int64)
    place[system.states] = np.arange(len(system.states))
    found = []
    for block in blocks:
        scalars = block.offset + np.arange(block.size)
        at = place[flat.alias[scalars]]
        own = np.flatnonzero((at >= 0) & (flat.sign[scalars] != 0))
        if len(own):
            found.append((block, own, y[:, at[own]] * flat.sign[scalars[own]]))
    return found
