"""Arguments of tables that lie outside of their figures, in solutions: told of accepted values, not of trials."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.program.outside import NEAR, ends, excess
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import Inputs


class LeftTable(NamedTuple):
    """The first time at which an argument lay outside of a table, and what is to be said of it."""

    time: float
    text: str


def left_table(
    model: CompiledProgram,
    t: np.ndarray,
    y: np.ndarray,
    p: np.ndarray,
    inputs: Inputs,
    rtol: float,
    dense: Callable[[np.ndarray], Any] | None,
) -> LeftTable | None:
    """The first time at which a table that refuses it (`outside = error`) has an argument outside: one of the times t,
    or between two of them by the `dense` output."""
    program = model.program
    if not len(program.watched) or not len(t):
        return None
    low, high = ends(model.program, p)
    with np.errstate(all="ignore"):
        values = np.asarray(model.evaluator("lookups", t, y, p, inputs))
        beyond = excess(values, low, high, np)
    late = np.any(beyond > max(NEAR, rtol), axis=1)
    if not late.any():
        return None
    row = int(np.argmax(late))
    time, found = float(t[row]), values[row]
    if dense is not None and row:
        before = float(t[row - 1])
        while abs(time - before) > NEAR * max(abs(time), abs(before)):
            middle = np.array([0.5 * (before + time)])
            between = np.asarray(model.evaluator("lookups", middle, np.asarray(dense(middle)), p, inputs))[0]
            if np.any(excess(between, low, high, np) > max(NEAR, rtol)):
                time, found = float(middle[0]), between
            else:
                before = float(middle[0])
    return _told(model, time, found, low, high)


def _told(model: CompiledProgram, time: float, values: np.ndarray, low: Any, high: Any) -> LeftTable:
    program = model.program
    entry = int(np.nanargmax(excess(values, low, high, np)))
    table, axis = program.watched[entry]
    found = program.system.flat.tables[table]
    block = found.knots[axis]
    shown = [(v - block.shift) / block.scale for v in (values[entry], low[entry], high[entry])]
    unit = f" [{block.unit}]" if block.unit else ""
    argument = f" (argument `{block.path[-1][0]}`)" if len(found.knots) > 1 else ""
    text = (
        f"the table `{found.name}`{argument} has no value at {shown[0]:.6g}{unit}: it reaches from {shown[1]:.6g} to "
        f"{shown[2]:.6g}{unit}; found at time {time:.6g} s"
    )
    return LeftTable(time, text)


def outside(model: CompiledProgram, times: Any, ys: Any, p: Any, inputs: Any, rtol: Any) -> Any:
    """Mask of the times from the first on at which an argument lies outside, by JAX: ys (times, unknowns)."""
    function = model.functions.lookups
    values = jax.vmap(lambda t, y: function(t, y, p, inputs(t)))(times, ys)
    beyond = excess(values, *ends(model.program, p), jnp)
    late = jnp.any(beyond > jnp.maximum(NEAR, rtol), axis=1)
    return jnp.cumsum(late) > 0
