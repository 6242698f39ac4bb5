"""One run as a pure function of its parameters, initial values and inputs: a lane of `vmap`, `jit` and `grad`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import sequential_vmap

from stiffdsl.runtime import tier
from stiffdsl.runtime.backend import backend
from stiffdsl.runtime.beginning import with_beginning
from stiffdsl.runtime.between import held, searching
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.delayed.delays import has_delays
from stiffdsl.runtime.delayed.pure_delayed import delayed_starts, reads_delayed, solved_at
from stiffdsl.runtime.driving.inputs import Signal
from stiffdsl.runtime.driving.knots import with_knots
from stiffdsl.runtime.driving.outside_tables import outside
from stiffdsl.runtime.event_history import only_branches
from stiffdsl.runtime.initialization.consistent_start import Anchor, consistent, first_guess, holds
from stiffdsl.runtime.initialization.initial_state import anchor
from stiffdsl.runtime.initialization.start_search import searched
from stiffdsl.runtime.limits import makes_sense
from stiffdsl.runtime.output_slice import OutputSlice, counting, direct_entries, output_slice
from stiffdsl.runtime.system import Args, ModelSystem, held_at
from stiffdsl.runtime.tolerance import relative, small_starts
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.undefined import derivable


def lane(
    model: CompiledProgram,
    options: Options,
    signals: tuple[Signal, ...],
    outputs: Sequence[str] | None,
    slots: int | None = None,
    in_turn: bool = False,
    diagnostics: bool = False,
) -> tuple[tuple[str, ...], Callable[..., Any], bool]:
    """The names of the outputs, a pure function of one run with signals of that kind (their tables may be others), and
    whether its lanes step alone under `vmap`: also where they share `slots` there, and nothing is differentiable.
    With `in_turn` the starts of lanes are searched one after the other, also under `vmap`: side by side both branches
    of every choice would be computed, and LAPACK's routines for many matrices wait for threads of XLA that wait for
    them where two chunks run at a time. With `diagnostics` the portable tier makes the solve, and sums them.

    (start, end, saveat, args with the knots that are known, initial Overrides, tolerances) -> (outputs (times, outputs)
    in declared units, status, counts, diagnostics, end of a run that events may end)
    """
    part = output_slice(model, outputs)
    model = counting(part.model, options.quadratures)
    program = model.program
    system = tier.beginning(model, bool(signals))
    solve, alone = tier.pure_solve(
        model, tier.chosen(model, options, signals), options, signals, slots, diagnostics
    )
    starts = _starts(model, system)
    starts = _one_after_the_other(starts) if in_turn and len(program.system.initial.free) else starts
    reads = False
    if has_delays(model):
        starts, reads = delayed_starts(model, starts), reads_delayed(model, part.numbers)
    tolerances_of = _tolerances(model, part)
    between = _between(model, system, signals)
    read = _reader(model, part)

    def one(start, end, saveat, args: Args, initial: Overrides, tolerances):
        # Steps end at knots: the start knows of none.
        knots, args = args.knots, args._replace(knots=None)
        y, begun, args = starts(start, args, part.restricted(initial))
        args = with_knots(model, args._replace(knots=knots), tolerances[0], start, end, y)
        rtol, atol = tolerances_of(*tolerances)
        if reads:
            found, args = solved_at(model, solve, start, end, y, args, saveat, rtol, atol)
        else:
            found = solve(start, end, y, args, saveat, rtol, atol)
        ys = between(start, end, saveat, found.ys, args)
        values, status = read(saveat, ys, args), _status(program, begun, found.status)
        if len(program.watched):
            late = outside(model, saveat, ys, args.p, args.inputs, rtol)
            status = jnp.where(begun & jnp.any(late), Status.OUTSIDE, status).astype(status.dtype)
            values = derivable(jnp.where(late[:, None], jnp.nan, values), ~late[:, None])
        # Where a run ends by an event, its parameters decide.
        ended = found.t if program.events.count else None
        return values, status, found.counts, found.sums, ended

    return part.labels, one, alone


def _starts(model: CompiledProgram, system: ModelSystem) -> Callable[..., Any]:
    """(t, args, initial Overrides) -> consistent values, NaN where there are none, whether there are, and arguments
    that hold the totals."""
    program, functions = model.program, backend().functions(model)
    free = len(program.system.initial.free) > 0
    known_start: Anchor | None = anchor(model) if free else None
    search = searched(model) if free else None

    def starts(t, args: Args, initial: Overrides):
        u = args.inputs(t)
        args = with_beginning(program, functions, t, args, initial, jnp)
        known, y = first_guess(program, functions, args.p, u, t, initial, jnp)
        begun, at_start = jnp.array(True), held_at(args, u)
        if free:
            near = known_start
            if near is not None:  # the declared model's start, with the inputs of this run
                near = near._replace(args=Args(near.args.p, at_start.inputs))
            found = consistent(program, system, t, y, at_start, known, near, search)
            y, begun = found.y, found.converged
        # Off the constraints no solution begins: the first step must not hide that by going back to them.
        begun &= holds(program, system, t, y, at_start, known, overridden=bool(initial.mask.any()))
        begun &= makes_sense(model, args.p)
        # Added, and not chosen: so that derivatives of what did not begin are those of a failed solve.
        return y + jnp.where(begun, 0.0, jnp.nan), begun, args

    return starts


def _one_after_the_other(starts: Callable[..., Any]) -> Callable[..., Any]:
    """The search for starts, lane after lane under `vmap`."""

    def in_turn(t, args: Args, initial: Overrides):
        def at(t, args, values, apart_values):
            return starts(t, args, replace(initial, values=values, apart_values=apart_values))

        return sequential_vmap(at)(t, args, initial.values, initial.apart_values)

    return in_turn


def _tolerances(model: CompiledProgram, part: OutputSlice) -> Callable[[Any, Any], tuple[Any, Any]]:
    """(rtol, atol as they are given) -> `rtol` and `atol` by unknown of what is left of the model."""
    small, share = small_starts(model), relative(model)

    def tolerances(rtol, atol):
        atol = jnp.asarray(atol)[part.kept] if np.ndim(atol) else atol
        rtol = rtol * share
        return rtol, model.program.absolute(rtol, atol, small, jnp)

    return tolerances


def _between(model: CompiledProgram, system: ModelSystem, signals: tuple[Signal, ...]) -> Callable[..., Any]:
    """(start, end, saveat, ys, args) -> ys with algebraic unknowns solved for, where their equations have kinks."""
    if not model.program.kinked or any(signal.jumps is not None for signal in signals):
        return lambda start, end, saveat, ys, args: ys
    hold, one_way = searching(model), len(model.program.crossings_periodic) > 0

    def between(start, end, saveat, ys, args):
        # Backwards, the program has the other side of a jump in time.
        forward = (end >= start) | (not one_way)
        return jnp.where(forward, held(system, saveat, ys, args, hold), ys)

    return between


def _reader(model: CompiledProgram, part: OutputSlice) -> Callable[..., Any]:
    """(saveat, ys, args) -> outputs (times, outputs) in declared units: entries of y, or a function of them."""
    numbers = part.numbers
    blocks = model.declarations(numbers)
    scale, shift = np.array([b.scale for b in blocks]), np.array([b.shift for b in blocks])
    entries = direct_entries(model, numbers)
    if entries is not None:
        direct, sign = entries
        return lambda saveat, ys, args: (ys[:, direct] * sign - shift) / scale

    def computed(saveat, ys, args):
        of_state = part.evaluated()
        found = jax.vmap(lambda t, y: of_state(t, y, args.p, args.inputs(t)))(saveat, ys)
        unreached = jnp.any(jnp.isnan(ys), axis=1, keepdims=True)
        return (derivable(jnp.where(unreached, jnp.nan, 0.0) + found, ~unreached) - shift) / scale

    return computed


def _status(program: Any, begun: Any, status: Any) -> Any:
    """The status of a lane: INITIAL where it did not begin; events without end are conditions that chatter where there
    are no others."""
    found = jnp.where(begun, status, Status.INITIAL).astype(status.dtype)
    if only_branches(program):
        found = jnp.where(found == Status.ENDLESS, Status.CHATTERING, found).astype(found.dtype)
    return found
