"""Consistent start of a run, found on the host: damped Newton, continuation where it fails, and a report."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from stiffdsl.flat.model import Family
from stiffdsl.graph.depends import entries_of
from stiffdsl.native import SearchKernel
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.initialization.block_chain import (
    Lifted,
    by_blocks,
    from_guesses,
    lifted_system,
    worthwhile,
)
from stiffdsl.runtime.initialization.consistent_start import CHECK, Anchor, Started, consistent, first_guess
from stiffdsl.runtime.initialization.singular_parameters import singular
from stiffdsl.runtime.initialization.start_kernel import on_the_host
from stiffdsl.runtime.initialization.start_report import Move, StartReport, block_sizes
from stiffdsl.runtime.system import Args
from stiffdsl.solve.base.process import check_process
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.newton.continuation import THOROUGH, Continued, by_damped_steps, continued

NAMED = 3
# Relative differences of start values below this are rounding.
SAME = 1e-9
# So many units in the last place of the largest value in its unit are no move from zero, either.
ROUNDED = 16


class Begun(NamedTuple):
    """The initial state, and how it was found; `report.failure` says why there is none."""

    y: np.ndarray
    report: StartReport


def begin(model: CompiledProgram, t: float, args: Args, initial: Overrides, overridden: bool) -> Begun:
    """The state that a run begins with, for values as they are given and no others."""
    began, system = time.perf_counter(), model.program.system
    p, u = np.asarray(args.p), args.inputs.at(t)
    with np.errstate(all="ignore"):
        known, y = first_guess(model.program, model.interpreted, p, u, t, initial, np)
    y, how, iterations, wrong = np.asarray(y, dtype=float), "nothing to solve", 0, ()
    failure = singular(model, p)
    if len(system.initial.free) and failure is None:
        found, how, iterations = _solved(model, t, y, args, known, initial)
        y = np.asarray(found.y)
        if not bool(found.converged):
            wrong, failure = _unsolved(model, found)
    if failure is None and not np.isfinite(y).all():
        names = model.system(driven=False).names
        bad = [f"`{names[int(k)]}`" for k in np.flatnonzero(~np.isfinite(y))[:NAMED]]
        failure = f"{Status.INITIAL.message}: {', '.join(bad)} would be no finite number"
    families = system.invariants if overridden else system.initial.checks
    if failure is None and families:
        with np.errstate(all="ignore"):
            wrong = tuple(_contradicted(model, t, y, p, u, known, overridden))
        if wrong:
            failure = f"{Status.INITIAL.message}: start values contradict the equations; {'; '.join(wrong)}"
            failure += "; change a `start`, or make it a `guess`"
    report = StartReport(
        *_solved_for(model),
        how,
        iterations,
        _undetermined(model, known, initial),
        lambda: _moves(model, t, y, p, u, known, initial),
        tuple(wrong),
        failure,
        time.perf_counter() - began,
    )
    return Begun(y, report)


@artifact
def _solved_for(model: CompiledProgram) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names of the unknowns that equations determine at the start, and the sizes of their blocks."""
    program = model.program
    free, names = program.system.initial.free, model.system(driven=False).names
    sizes = block_sizes(program.initial_rows, program.initial_columns, len(free))
    return tuple(names[int(k)] for k in free), sizes


@artifact
def anchor(model: CompiledProgram) -> Anchor | None:
    """The consistent state for the declared parameters, found without compiling anything; None where there is none."""
    t = float(model.experiment.get("time", (0.0, 0.0))[0])
    args = model.default_arguments()
    nothing = model.bindings.initial(None)
    p, u = np.asarray(args.p), args.inputs.at(t)
    with np.errstate(all="ignore"):
        known, y = first_guess(model.program, model.interpreted, p, u, t, nothing, np)
        y = np.asarray(y, dtype=float)
        found = _by_newton(model, t, y, p, u, known, nothing, None)
    if found is not None:
        return Anchor(found[0], args, np.asarray(known))
    for reached, found in _ways(model, t, y, p, u, known, nothing):
        if found.converged:
            return Anchor(reached, args, np.asarray(known))
    return None


# --- solving ------------------------------------------------------------------------------------


@artifact
def _newton(model: CompiledProgram, driven: bool) -> Callable[..., Started]:
    """Newton's method for the start, compiled."""
    program, system = model.program, model.system(driven)
    return jax.jit(lambda t, y, args, known: consistent(program, system, t, y, args, known))


def _solved(
    model: CompiledProgram, t: float, y: np.ndarray, args: Args, known: Any, initial: Overrides
) -> tuple[Started, str, int]:
    """The free entries of y by Newton's method, else by continuation in all unknowns, else in those of y."""
    program = model.program
    p, u = np.asarray(args.p), args.inputs.at(t)
    if len(program.system.initial.free) <= THOROUGH:
        quick = _by_newton(model, t, y, p, u, known, initial, on_the_host(model))
        if quick is not None:
            whole, iterations, how = quick
            nothing = np.zeros(len(program.system.initial.free))
            return Started(whole, True, iterations, nothing, nothing, known), how, iterations
    check_process()
    newton = _newton(model, bool(args.inputs.signals))
    found: Started = newton(t, y, args, known)
    if bool(found.converged):
        return found, "Newton", int(found.iterations)
    spent = int(found.iterations)
    for guess, tried in _ways(model, t, y, p, u, known, initial):
        spent += tried.iterations
        if tried.converged:
            polished: Started = newton(t, guess, args, known)
            spent += int(polished.iterations)
            if bool(polished.converged):
                return polished, tried.way, spent
    return found, "Newton and continuation", spent


def _by_newton(
    model: CompiledProgram,
    t: float,
    y: np.ndarray,
    p,
    u,
    known: Any,
    initial: Overrides,
    kernel: SearchKernel | None,
) -> tuple[np.ndarray, int, str] | None:
    """The state, iterations and how: in the entries of y from where they are, or block by block before that. Which
    comes first is a matter of what was said of the entries of y. A `kernel` goes first from where Newton begins."""
    program, free = model.program, model.program.system.initial.free
    with np.errstate(all="ignore"):
        guessed = np.asarray(model.interpreted.guess(p, u, t))
        blocks_first = worthwhile(model, np.asarray(known), guessed, initial)
        for by_its_blocks in (blocks_first, not blocks_first):
            begun = by_blocks(model, t, p, u, initial) if by_its_blocks else (y, 0, "Newton")
            if begun is None:
                continue
            near, before, how = begun
            quick = None if kernel is None else kernel(t, near, p, u, np.asarray(known))
            if quick is not None:
                whole = near.copy()
                whole[free] = quick[0]
                return whole, before + quick[1], how
            found = solved_from(program, model.interpreted, t, near, p, u, known, by_damped_steps)
            if found.converged:
                whole = near.copy()
                whole[free] = found.x
                return whole, before + found.iterations, how
    return None


def _ways(
    model: CompiledProgram,
    t: float,
    y: np.ndarray,
    p: np.ndarray,
    u: np.ndarray,
    known: Any,
    initial: Overrides,
) -> Iterator[tuple[np.ndarray, Continued]]:
    """States to go on from, and how they were found: in all unknowns, then in those of y."""
    with np.errstate(all="ignore"):
        whole = lifted_system(model)
        if whole is not None:
            yield _in_all_unknowns(model, whole, t, p, u, initial)
        found = solved_from(model.program, model.interpreted, t, y, p, u, known)
    y = y.copy()
    y[model.program.system.initial.free] = found.x
    yield y, found


def _in_all_unknowns(
    model: CompiledProgram, whole: Lifted, t: float, p: np.ndarray, u: np.ndarray, initial: Overrides
) -> tuple[np.ndarray, Continued]:
    """Continuation in the lifted system: the entries of y there, and how it went."""
    known, y = from_guesses(whole, t, p, u, initial)
    found = solved_from(whole.program, whole.functions, t, y, p, u, known)
    y[whole.program.system.initial.free] = found.x
    return y[whole.place], found


def solved_from(program, functions, t, y: np.ndarray, p, u, known, way=continued) -> Continued:
    """The free entries of y by one `way` of `solve/newton/continuation.py`, from where they are."""
    free = program.system.initial.free

    def full(x: np.ndarray) -> np.ndarray:
        whole = y.copy()
        whole[free] = x
        return whole

    return way(
        lambda x: functions.initial_residual(t, full(x), p, u, known),
        lambda x: functions.initial_jacobian(t, full(x), p, u, known),
        program.initial_rows,
        program.initial_columns,
        y[free],
    )


# --- telling ------------------------------------------------------------------------------------


def _unsolved(model: CompiledProgram, found: Started) -> tuple[tuple[str, ...], str]:
    """The equations that are furthest from being met, and the reason of the failure."""
    program = model.program
    families = (*program.system.initial.conditions, *program.system.residuals)
    residual, rows = np.asarray(found.residual), np.atleast_1d(found.worst)
    wrong = []
    for row in rows.tolist():
        family, member = _located(families, row)
        if abs(residual[row]) > 0 or not np.isfinite(residual[row]):
            wrong.append(f"{quoted(family, member)} is off by {residual[row]:.3g}")
    wrong = list(dict.fromkeys(wrong))
    inside = np.isin(program.initial_rows, rows)
    entries = program.system.initial.free[np.unique(program.initial_columns[inside])]
    names = model.system(driven=False).names
    told = ", ".join(f"`{names[int(k)]}`" for k in entries[:NAMED])
    text = f"{Status.INITIAL.message}: neither Newton's method nor continuation came to a solution"
    text += f"; most involved: {told}" + (f"; {'; '.join(wrong)}" if wrong else "")
    return tuple(wrong), f"{text}; {Status.INITIAL.advice}"


def _located(families: Sequence[Family], row: int) -> tuple[Family, int]:
    for family in families:
        if row < family.size:
            return family, row
        row -= family.size
    raise AssertionError("a row belongs to a family")


def quoted(family: Family, member: int) -> str:
    """The text of a member as it was written, and its line."""
    span = family.origin_of(member)
    return f"`{span.source.line(span.line).split('#')[0].strip()}` (line {span.line})"


def _contradicted(model: CompiledProgram, t: float, y, p, u, known, overridden: bool) -> list[str]:
    """Conditions violated at y, as text; with overridden start values only the model's constraints count."""
    system = model.program.system
    if overridden:
        families, orders = system.invariants, system.invariant_orders
        residual = model.interpreted.invariants(t, y, p, u) if families else np.zeros(0)
    else:
        families, orders = system.initial.checks, system.initial.check_orders
        residual = model.interpreted.checks(t, y, p, u, known) if families else np.zeros(0)
    residual = np.asarray(residual)
    held = np.abs(residual) <= CHECK * (1.0 + float(np.abs(y).max(initial=0.0)))
    if held.all():
        return []
    off, told, first = ~held, [], 0
    for family, order in zip(families, orders, strict=True):
        for k in np.flatnonzero(off[first : first + family.size])[:NAMED].tolist():
            tied = _tied(model, family, k, y)
            if family.kinds == ("var", "start"):
                told.append(_given(model, int(family.table[k, 0]), known, float(residual[first + k])) + tied)
            else:
                what = "the derivative of " * order + quoted(family, k)
                told.append(f"{what} is off by {residual[first + k]:.3g}{tied}")
        first += family.size
    return told[:NAMED]


def _given(model: CompiledProgram, v: int, known: Any, off: float) -> str:
    """A start value of something that is computed."""
    (block,) = model.declarations([v])
    start, value = ((x - block.shift) / block.scale for x in (known[v], known[v] + off))
    unit = f" {block.unit}" if block.unit else ""
    name = block.scalar_name(v - block.offset)
    return f"`{name}` has start {start:.6g}{unit} (line {block.span.line}), but the equations give {value:.6g}{unit}"


def _tied(model: CompiledProgram, family: Family, member: int, y: np.ndarray) -> str:
    """The start values that an equation ties to one another."""
    entries = entries_of(model.program.system, family, member)
    names = model.system(driven=False).names
    units = [(b.scale, b.shift, b.unit) for b in model.declarations(model.program.system.states)]
    told = []
    for k in [k for k in entries if k < len(units)]:
        scale, shift, unit = units[k]
        told.append(f"`{names[k]}` = {(y[k] - shift) / scale:.6g}" + (f" {unit}" if unit else ""))
    more = f" and {len(told) - 2 * NAMED} more" if len(told) > 2 * NAMED else ""
    return f" with {', '.join(told[: 2 * NAMED])}{more}" if told else ""


def _undetermined(model: CompiledProgram, known: Any, initial: Overrides) -> tuple[str, ...]:
    """States that nothing is said of."""
    system = model.program.system
    of_state = np.asarray(known)[system.states]
    if not np.isnan(of_state).any():
        return ()
    states = np.arange(len(system.states))
    open_ = np.isnan(of_state) & ~np.isin(states, system.initial.free) & ~initial.mask[: len(states)]
    names = model.system(driven=False).names
    return tuple(names[int(k)] for k in np.flatnonzero(open_))


def _rounding(model: CompiledProgram, at: np.ndarray) -> np.ndarray:
    """By variable, what sums and differences of the values in its unit may leave of a zero."""
    largest: dict[str | None, float] = {}
    blocks = [(b, slice(b.offset, b.offset + b.size)) for b in model.program.system.flat.variables if b.size]
    for block, where in blocks:
        values = np.abs(at[where])
        most = float(np.max(values, initial=0.0, where=np.isfinite(values)))
        largest[block.unit] = max(largest.get(block.unit, 0.0), most)
    left = np.zeros(len(at))
    for block, where in blocks:
        left[where] = ROUNDED * np.finfo(float).eps * largest[block.unit]
    return left


def _moves(
    model: CompiledProgram, t: float, y: np.ndarray, p, u, known, initial: Overrides
) -> tuple[tuple[Move, ...], int]:
    """The start values that y does not keep, and how many it does."""
    flat, system = model.program.system.flat, model.program.system
    with np.errstate(all="ignore"):
        at = np.asarray(model.interpreted.variables(t, y, p, u))
    declared = np.asarray(known)
    entries = np.concatenate([system.states, system.implicit])
    given = np.concatenate([entries[initial.mask], system.eliminated[initial.apart_mask]])
    # What named outputs do not need is not computed; what is infinite has been told as no start.
    said = np.flatnonzero(np.isfinite(declared) & np.isfinite(at) & ~np.isin(flat.alias, given))
    size = np.abs(at[said]) + np.abs(declared[said])
    apart = np.abs(at[said] - declared[said])
    off = said[
        ~((apart <= SAME * size + 1e-300) | ((declared[said] == 0) & (apart <= _rounding(model, at)[said])))
    ]
    default = flat.default_start if len(flat.default_start) else np.zeros(flat.size, dtype=bool)
    moves = []
    for v, block in zip(off.tolist(), model.declarations(off), strict=True):
        a, b = ((x[v] - block.shift) / block.scale for x in (declared, at))
        moves.append(
            Move(block.scalar_name(v - block.offset), float(a), float(b), block.unit, bool(default[v]))
        )
    return tuple(moves), len(said) - len(off)
