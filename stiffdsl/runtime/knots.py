"""Knots, where steps end since forcing bends or jumps there, and limits of steps where it may be narrow. Forcing:
tables and functions given as inputs, and terms of equations in time and parameters alone (`program/forcing.py`)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from stiffdsl.program.forcing import at_times, exponents, forcing
from stiffdsl.program.program import Function, Program
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.emit import function as emitted
from stiffdsl.runtime.inputs import HOST, Signal
from stiffdsl.runtime.system import Args
from stiffdsl.solve.integrate.knots import (
    LOOKS,
    ROUGH,
    SWITCHING,
    Knots,
    around_maxima,
    knots_of_function,
    knots_of_table,
    together,
)

# More numbers than this are not looked at.
MOST = 4_000_000


def with_knots(model: CompiledProgram, args: Args, rtol: Any, start: Any, end: Any) -> Args:
    """The arguments of a run with its knots; derivatives know nothing of them."""
    held = args, rtol, start, end
    if _traced(held):
        held = jax.tree.map(lax.stop_gradient, held)
    return args._replace(knots=_knots(model, *held))


def _knots(model: CompiledProgram, args: Args, rtol: Any, start: Any, end: Any) -> Knots | None:
    parts = _of_tables(args.inputs.signals, rtol, end < start)
    seen = _looked_at(model, args, start, end)
    if seen is not None:
        rough = SWITCHING if len(model.program.relation_rises) else ROUGH
        parts.append(knots_of_function(*seen, end < start, rough))
    return together(parts)


def _of_tables(signals: tuple[Signal, ...], rtol: Any, backward: Any) -> list[Knots]:
    tables: dict[int, list[Signal]] = {}
    for signal in signals:
        if signal.function is None:
            tables.setdefault(signal.clock, []).append(signal)
    found = []
    for same in tables.values():
        given = [same[0].times, *(signal.values for signal in same)]
        xp: Any = jnp if _traced(given, rtol, backward) else np
        times, *values = map(xp.asarray, given)
        found.append(knots_of_table(times, xp.stack(values), rtol, backward))
    return found


def _looked_at(model: CompiledProgram, args: Args, start: Any, end: Any) -> tuple[Any, Any] | None:
    """Times from start to end, and what functions of time are there: (functions, times); None where there are none."""
    functions = [s.function for s in args.inputs.signals if s.function is not None]
    own = _forcing(model)
    if not functions and own is None:
        return None
    traced = _traced(args.p, start, end)
    xp: Any = jnp if traced else np
    p = xp.asarray(args.p)
    times = start + (end - start) * xp.asarray(LOOKS)
    bent = _exponents(model)
    if bent is not None:
        closer = around_maxima(times, _of_all(bent, times, p, traced))
        low, high = xp.minimum(start, end), xp.maximum(start, end)
        times = xp.sort(xp.concatenate([times, xp.clip(closer, low, high)]))
        times = xp.where(end < start, times[::-1], times)
    values = [_over(function, times, traced)[None] for function in functions]
    if own is not None:
        values.append(_of_all(own, times, p, traced))
    return times, xp.concatenate(values)


def _forcing(model: CompiledProgram) -> Any:
    """The forcing of a model at many times, through NumPy, and at one, through JAX; None where there is none."""
    return _of_time(model, forcing)


def _exponents(model: CompiledProgram) -> Any:
    """The exponents of pulses, as `_forcing` is."""
    return _of_time(model, exponents)


@artifact
def _of_time(model: CompiledProgram, extract: Callable[[Program], Function | None]) -> Any:
    program = model.program
    found = extract(program) if program.time_dependent else None
    if found is None or (found.ops[-1].size or 0) * len(LOOKS) > MOST:
        return None
    with jax.ensure_compile_time_eval():
        by_jax = emitted(found, program.tables)
    return lambda t, p: at_times(found, program.tables, t, p), by_jax


def _of_all(found: Any, times: Any, p: Any, traced: bool) -> Any:
    """Values of a function of time (`_of_time`) at many times: (values, times)."""
    by_numpy, by_jax = found
    return jax.vmap(lambda t: by_jax(t, p))(times).T if traced else by_numpy(times, p).T


def _over(function: Any, times: Any, traced: bool) -> Any:
    """The values of an input at many times."""
    host = getattr(function, HOST, None)
    if host is None:
        values = jax.vmap(function)(jnp.asarray(times))
        return jnp.asarray(values, dtype=float) if traced else np.asarray(values, dtype=float)

    def at_all(times: Any) -> np.ndarray:
        return np.array([host(t) for t in np.asarray(times).ravel()], dtype=float).reshape(np.shape(times))

    if not traced:
        return at_all(times)
    kind = jax.ShapeDtypeStruct(times.shape, jnp.float64)
    return jax.pure_callback(at_all, kind, times, vmap_method="expand_dims")


def _traced(*values: Any) -> bool:
    """Whether there are values of a program that is being traced."""
    return any(isinstance(value, Tracer) for value in jax.tree.leaves(values))
