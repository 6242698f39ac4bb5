"""Knots, where steps end since forcing bends or jumps there, and limits of steps where it may be narrow.

Forcing: tables and functions given as inputs, and terms of equations in time and parameters alone
(`program/time/forcing.py`)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from stiffdsl.program.interpret import at_times
from stiffdsl.program.program import Function
from stiffdsl.program.time.forcing import Forcing, TimedTables, forcing, timed_tables
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import HOST, Signal
from stiffdsl.runtime.emit import function as emitted
from stiffdsl.runtime.system import Args
from stiffdsl.solve.integrate.knots import (
    LOOKS,
    ROUGH,
    SWITCHING,
    Knots,
    knots_of_function,
    knots_of_table,
    together,
)
from stiffdsl.solve.integrate.narrow_places import around_places

# Knots are found for so many different lines over time.
MOST_LINES = 256
# More numbers than this are not looked at.
MOST = 4_000_000


def knots_of_tables(signals: tuple[Signal, ...], rtol: Any, start: Any, end: Any) -> Knots | None:
    """The knots of tables that are known before a program is traced, by NumPy: XLA takes seconds for the search, which
    is most of what it would compile. None where there are none, or their values belong to a trace."""
    if not signals or _traced(signals, rtol, start, end):
        return None
    found = together(_of_tables(signals, float(rtol), bool(end < start)))
    if found is None:
        return None
    # As many as there could be: their number is a size in the program.
    most = sum(1 + len(np.asarray(same[0].times)) for same in _by_clock(signals))
    return Knots(*(np.pad(a, (0, most - len(a)), constant_values=np.inf) for a in found))


def with_knots(model: CompiledProgram, args: Args, rtol: Any, start: Any, end: Any, y0: Any) -> Args:
    """The arguments of a run from y0 with its knots, those of tables where it has none; derivatives know nothing of
    them."""
    held = args, rtol, start, end, y0
    if _traced(held):
        held = jax.tree.map(lax.stop_gradient, held)
    return args._replace(knots=knots_of(model, *held))


def knots_of(model: CompiledProgram, args: Args, rtol: Any, start: Any, end: Any, y0: Any) -> Knots | None:
    """The knots of a run from y0, those of tables where it has none."""
    known = args.knots
    if known is None and not args.inputs.signals and _forcing(model, ()) is None:
        return None
    parts = _of_tables(args.inputs.signals, rtol, end < start) if known is None else [known]
    parts += _of_program(model, args, rtol, start, end, y0)
    seen = _looked_at(model, args, start, end, y0)
    if seen is not None:
        # Conditions, and algebraic unknowns that follow forcing, may change within a part of its period.
        program = model.program
        may_switch = len(program.relation_rises) > 0 or not np.all(program.mass)
        rough = SWITCHING if may_switch else ROUGH
        parts.append(knots_of_function(*seen, end < start, rough))
    return together(parts)


def _of_tables(signals: tuple[Signal, ...], rtol: Any, backward: Any) -> list[Knots]:
    found = []
    for same in _by_clock(signals):
        given = [same[0].times, *(signal.values for signal in same)]
        xp: Any = jnp if _traced(given, rtol, backward) else np
        times, *values = map(xp.asarray, given)
        found.append(knots_of_table(times, xp.stack(values), rtol, backward))
    return found


def _by_clock(signals: tuple[Signal, ...]) -> list[list[Signal]]:
    """Tables, those over the same times together."""
    tables: dict[int, list[Signal]] = {}
    for signal in signals:
        if signal.function is None:
            tables.setdefault(signal.clock, []).append(signal)
    return list(tables.values())


def _looked_at(model: CompiledProgram, args: Args, start: Any, end: Any, y0: Any) -> tuple[Any, Any] | None:
    """Times from start to end, and what functions of time are there: (functions, times); None where there are none."""
    functions = [s.function for s in args.inputs.signals if s.function is not None]
    own = _forcing(model, tuple(sorted(s.index for s in args.inputs.signals)))
    if not functions and own is None:
        return None
    traced = _traced(args, start, end, y0)
    xp: Any = jnp if traced else np
    times = start + (end - start) * xp.asarray(LOOKS)
    if own is None:
        return times, xp.concatenate([_over(function, times, traced)[None] for function in functions])
    times, values = own.looked_at(times, own.arguments(args, start, y0, traced), traced)
    driven = [_over(function, times, traced)[None] for function in functions]
    return times, xp.concatenate([*driven, values])


def _of_program(model: CompiledProgram, args: Args, rtol: Any, start: Any, end: Any, y0: Any) -> list[Knots]:
    """The knots of tables whose arguments are straight lines over time."""
    known = _timed(model, tuple(sorted(s.index for s in args.inputs.signals)))
    if known is None:
        return []
    tables, own = known
    traced = _traced(args, start, end, y0)
    xp: Any = jnp if traced else np
    ends = xp.stack([xp.asarray(start, dtype=float), xp.asarray(end, dtype=float)])
    lines = own._at(own._forcing.function, ends, own.arguments(args, start, y0, traced), traced)
    found, seen = [], set()
    for (number, axis), line in zip(tables.entries.tolist(), lines, strict=True):
        key = (number, axis, None if traced else tuple(line.tolist()))
        if key in seen and not traced:
            continue
        seen.add(key)
        if len(found) < MOST_LINES:
            knots = _on_line(model, number, axis, args.p, ends, line, rtol, xp)
            found += [] if knots is None else [knots]
    return found


def _on_line(
    model: CompiledProgram, number: int, axis: int, p: Any, ends: Any, line: Any, rtol: Any, xp: Any
) -> Knots | None:
    """The knots of one table whose argument goes from one end of `line` to the other between the `ends`."""
    table = model.program.system.flat.tables[number]
    block, values = table.knots[axis], table.values
    x = xp.asarray(p[block.offset : block.offset + block.size])
    figures = xp.asarray(p[values.offset : values.offset + values.size])
    figures = xp.moveaxis(figures.reshape(tuple(b.size for b in table.knots)), axis, -1).reshape(
        -1, block.size
    )
    if table.outside == "repeat" and xp is np:
        length, (low, high) = x[-1] - x[0], sorted(line.tolist())
        turns = np.arange(np.floor((low - x[0]) / length), np.floor((high - x[0]) / length) + 1)
        if len(turns) * block.size > MOST:
            return None
        x = (x[None, :-1] + length * turns[:, None]).ravel()
        figures = np.tile(figures[:, :-1], len(turns))
    rise = line[1] - line[0]
    share = (x - line[0]) / xp.where(rise != 0, rise, xp.nan)
    times = xp.where(rise != 0, ends[0] + (ends[1] - ends[0]) * share, xp.inf)
    falls = (times[-1] < times[0]) if len(x) > 1 else False
    times = xp.where(falls, times[::-1], times)
    figures = xp.where(falls, figures[:, ::-1], figures)
    return knots_of_table(times, figures, rtol, ends[1] < ends[0])


@artifact
def _timed(model: CompiledProgram, driven: tuple[int, ...]) -> "tuple[TimedTables, _OfTime] | None":
    """The tables of time of a model whose inputs `driven` change."""
    found = timed_tables(model.program, driven)
    return None if found is None else (found, _OfTime(found.arguments))


@artifact
def _forcing(model: CompiledProgram, driven: tuple[int, ...]) -> "_OfTime | None":
    """The forcing of a model whose inputs `driven` change."""
    found = forcing(model.program, driven)
    if found is None or (found.function.ops[-1].size or 0) * len(LOOKS) > MOST:
        return None
    return _OfTime(found)


class _Arguments(NamedTuple):
    """Parameters, inputs that do not change, and clocks: `began` at `start`, with their slopes."""

    p: Any
    u: Any
    start: Any
    began: Any
    slopes: Any

    def clocks(self, t: Any) -> Any:
        return self.began + self.slopes * (t - self.start)


class _OfTime:
    """The forcing of a model at many times, through NumPy or JAX: values are (functions, times)."""

    def __init__(self, forcing: Forcing):
        self._forcing = forcing
        with jax.ensure_compile_time_eval():
            self._by_jax = {
                f: emitted(f, forcing.tables) for f in (forcing.function, forcing.slopes) if f is not None
            }

    def arguments(self, args: Args, start: Any, y0: Any, traced: bool) -> _Arguments:
        xp: Any = jnp if traced else np
        p, u, slopes = xp.asarray(args.p), xp.asarray(args.inputs.constant), self._forcing.slopes
        if slopes is None:
            return _Arguments(p, u, start, xp.zeros(0), xp.zeros(0))
        begun = _Arguments(p, u, start, xp.asarray(y0)[self._forcing.clocks], 0.0)
        at_start = self._at(slopes, xp.reshape(xp.asarray(start, dtype=float), 1), begun, traced)
        return begun._replace(slopes=at_start[:, 0])

    def looked_at(self, times: Any, given: _Arguments, traced: bool) -> tuple[Any, Any]:
        """The times, with those about narrow places between them; and what may be narrow at all of these."""
        found, signs = self._at(self._forcing.function, times, given, traced), self._forcing.signs
        values = found[: len(found) - len(signs)]
        closer = around_places(times, found[len(values) :], signs)
        if closer is None:
            return times, values
        xp: Any = jnp if traced else np
        more = self._at(self._forcing.function, closer, given, traced)[: len(values)]
        times, values = xp.concatenate([times, closer]), xp.concatenate([values, more], axis=1)
        order = xp.argsort(xp.where(times[0] <= times[len(LOOKS) - 1], times, -times))
        return times[order], values[:, order]

    def _at(self, function: Function, times: Any, given: _Arguments, traced: bool) -> Any:
        if traced:
            one = self._by_jax[function]
            return jax.vmap(lambda t: one(t, given.p, given.u, given.clocks(t)))(times).T
        clocks = given.clocks(times[:, None])
        with np.errstate(all="ignore"):
            found = at_times(function, self._forcing.tables, times, given.p, given.u, clocks)
        return np.broadcast_to(found, (len(times), found.shape[-1])).T


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
