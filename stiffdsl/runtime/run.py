"""The runs of a model: one solution on the host, a pure function of its parameters, many lanes at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.custom_batching import sequential_vmap

from stiffdsl.check.quantities.conversion import quantity
from stiffdsl.runtime import executors, tier
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.backend import backend
from stiffdsl.runtime.beginning import with_beginning
from stiffdsl.runtime.between import Between, held, searching
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import Inputs, Signal, lane_inputs
from stiffdsl.runtime.driving.knots import knots_of, knots_of_tables, with_knots
from stiffdsl.runtime.driving.outside_tables import left_table, outside
from stiffdsl.runtime.event_history import (
    ENDINGS,
    chatters,
    ended_by,
    ending,
    history,
    instants,
    only_branches,
)
from stiffdsl.runtime.initialization.consistent_start import Anchor, consistent, first_guess, holds
from stiffdsl.runtime.initialization.initial_state import anchor, begin
from stiffdsl.runtime.initialization.start_report import StartReport
from stiffdsl.runtime.initialization.start_search import searched
from stiffdsl.runtime.limits import notes, refuse, refuse_parameters, refuse_start
from stiffdsl.runtime.output_slice import Pruned, counting, names_of, pruned
from stiffdsl.runtime.run_view import ModelView
from stiffdsl.runtime.stop_reason import condition_that_chatters, term_without_value
from stiffdsl.runtime.system import Args, held_at
from stiffdsl.runtime.tolerance import absolute, names_quadratures, relative, small_starts
from stiffdsl.runtime.verify.accumulated import ATTEMPTS, FINER, FINER_OTHERWISE, LEAST, SOME
from stiffdsl.runtime.verify.check import checked, unexamined, with_accumulated
from stiffdsl.solve.base.arguments import mapping, number, numbers, told, whole
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.process import check_precision, check_process
from stiffdsl.solve.base.progress import caller
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.times import seconds
from stiffdsl.solve.base.undefined import derivable
from stiffdsl.solve.integrate.ensemble import CHUNK, Ensemble, device_slots, lanes, run_lanes
from stiffdsl.solve.integrate.loop import Counts
from stiffdsl.solve.integrate.record import Trajectory
from stiffdsl.solve.integrate.solution import Interrupted, Solution

# The decades that log-spaced times cover, and how many times are saved where only that they are is said.
DECADES = 10
POINTS = 200
# So many unknowns of all lanes together are stepped sooner than threads start, as far as is known before.
TOGETHER = 256
# Ends of a run whose steps get nowhere, and of one whose events do.
STUCK = Status.MAX_STEPS, Status.STEP_TOO_SMALL, Status.NEWTON
CROWDED = Status.CHATTERING, Status.ENDLESS, Status.VIOLATED
# By how much a time that was computed may miss an end of the interval, relative to it: a few units in the last place.
ROUNDING = 8 * np.finfo(float).eps
# So many times would not fit into memory.
MOST_POINTS = 10**9


def options(
    model: CompiledProgram,
    rtol: float | None = None,
    atol: Any = None,
    method: str | None = None,
    max_steps: int | None = None,
    first_step: float | None = None,
    max_step: float | None = None,
    linear: str | None = None,
    quadratures: bool | None = None,
) -> Options:
    """Options of a solve: from the call, else from the experiment, else defaults. Raises `ValueError`."""
    said = model.experiment
    given = {
        "rtol": rtol if rtol is not None else said.get("rtol"),
        "atol": _entries(absolute(model, atol)) if atol is not None else said.get("atol"),
        "method": method if method is not None else said.get("method"),
        "max_steps": max_steps if max_steps is not None else said.get("max_steps"),
        "first_step": first_step if first_step is not None else said.get("first_step"),
        "max_step": max_step if max_step is not None else said.get("max_step"),
        "linear": linear,
        "quadratures": _quadratures(model, atol) if quadratures is None else quadratures,
    }
    given = {k: v for k, v in given.items() if v is not None}
    try:
        return _checked_options(**given)
    except TypeError:  # what is no number may not be hashed either
        return Options(**given)


def _quadratures(model: CompiledProgram, atol: Any) -> bool:
    """Whether quadratures count where nobody says so: as the experiment says, or since they have tolerances."""
    return model.experiment.get("include") == "quadratures" or names_quadratures(model, atol)


@lru_cache(maxsize=256, typed=True)
def _checked_options(**given: Any) -> Options:
    """The same options of call after call are checked once."""
    return Options(**given)


@lru_cache(maxsize=256)
def _but_tolerances(options: Options, most: int) -> Options:
    """Options that a compiled program depends on, with `most` attempts."""
    return replace(options, rtol=1.0, atol=1.0, max_steps=most)


def _entries(atol: Any) -> Any:
    """A vector as `Options` holds one."""
    return atol if np.ndim(atol) == 0 else tuple(np.asarray(atol, dtype=float).tolist())


def restricted(options: Options, part: Pruned) -> Options:
    """The options for the part of a model that is left of it."""
    if not isinstance(options.atol, tuple):
        return options
    return replace(options, atol=tuple(np.asarray(options.atol)[part.kept].tolist()))


def default_method(model: CompiledProgram) -> str:
    """The method that a run uses when none is named."""
    return tier.chosen(model, options(model))


def interval(model: CompiledProgram, time: Any, saveat: Any = None) -> tuple[float, float]:
    """Start and end: as given, else the experiment, else from 0 to the furthest of `saveat`. Raises `ValueError`."""
    start, end = _interval(model, time, saveat)
    if end < start and model.program.events.count:
        raise ValueError("a model with events is solved forward in time: `time` must ascend")
    return start, end


def _interval(model: CompiledProgram, time: Any, saveat: Any) -> tuple[float, float]:
    if time is None:
        time = model.experiment.get("time")
        if saveat is not None and len(saveat):
            start = 0.0 if time is None else time[0]
            return float(start), float(max(saveat[-1], saveat[0], key=lambda t: abs(t - start)))
        if time is not None:
            return float(time[0]), float(time[1])
        raise ValueError(
            "which time to simulate? Give it (`--time 0..10`, in Python `time=(0, 10)`), or write it in the section "
            "`experiment` of the model"
        )
    return ends(time)


def ends(time: Any) -> tuple[float, float]:
    """The pair `time` in seconds. Raises `ValueError`."""
    pair = seconds(time, "`time`")
    if pair.shape != (2,):
        raise ValueError(f"`time` is a pair (start, end), not {told(time)}")
    start, end = pair.tolist()
    if not (np.isfinite(start) and np.isfinite(end)):
        raise ValueError(f"`time` must be finite, not ({start}, {end})")
    return start, end


def begins(model: CompiledProgram, time: Any) -> float:
    """Start time of a run: as given, else the experiment's, else 0."""
    return number(time, "`time`") if time is not None else float(model.experiment.get("time", (0.0, 0.0))[0])


def save_times(saveat: Any) -> np.ndarray | None:
    """`saveat` as a vector that ascends, or descends. Raises `ValueError`."""
    if saveat is None:
        return None
    times = np.atleast_1d(seconds(saveat, "`saveat`"))
    if times.ndim != 1 or not np.isfinite(times).all():
        raise ValueError("`saveat` is a vector of finite times")
    if not len(times):
        raise ValueError("`saveat` is empty: it takes at least one time")
    if len(times) > 2 and (times[1:] < times[:-1]).any() and (times[1:] > times[:-1]).any():
        raise ValueError("the times in `saveat` must ascend, or descend")
    return times


def against(times: np.ndarray, start: float, end: float) -> bool:
    """Whether `times` run against the direction of a solve."""
    return len(times) > 1 and (times[-1] < times[0]) != (end < start) and times[-1] != times[0]


def within(times: np.ndarray, start: float, end: float) -> np.ndarray:
    """`times` where they lie in the interval: those that only rounding puts outside are its ends."""
    low, high = min(start, end), max(start, end)
    near = ROUNDING * max(abs(low), abs(high))
    if len(times) > 1:
        first, last = times.min(), times.max()
    else:
        first, last = (times[0], times[0]) if len(times) else (low, high)
    if low <= first and last <= high:
        return times.copy()
    if first < low - near or last > high + near:
        off = float(last if last > high + near else first)
        raise ValueError(
            f"`saveat` holds {off:.12g}, which lies outside the time {start:.12g}..{end:.12g} of the solve"
        )
    return np.clip(times, low, high)


def spread(model: CompiledProgram, start: float, end: float, points: int) -> np.ndarray:
    """`points` times over the interval, log-spaced after the first where the experiment says `log`."""
    points = whole(points, "`points`", 2)
    if points > MOST_POINTS:
        raise ValueError(f"`points` must be at most {MOST_POINTS}, not {told(points)}")
    if not model.experiment.get("log") or start != 0:
        return np.linspace(start, end, points)
    first = np.log10(abs(end)) - DECADES
    times = np.concatenate([[0.0], np.sign(end) * np.logspace(first, first + DECADES, points - 1)])
    times[-1] = end
    return times


def arguments(
    model: CompiledProgram, params: Overrides, constant: Overrides, signals: tuple[Signal, ...]
) -> Args:
    """Parameters and inputs as the solver takes them; values of JAX stay traced."""
    traced = any(isinstance(v, jax.Array) for v in (params.values, constant.values))
    return _arguments(model, traced, params, constant, signals)


def traced_arguments(
    model: CompiledProgram, params: Overrides, constant: Overrides, signals: tuple[Signal, ...]
) -> Args:
    """The arguments by JAX, as a part of what is traced."""
    return _arguments(model, True, params, constant, signals)


def _arguments(
    model: CompiledProgram,
    traced: bool,
    params: Overrides,
    constant: Overrides,
    signals: tuple[Signal, ...],
) -> Args:
    """The arguments by JAX, where the program is part of what is `traced`, or by NumPy."""
    if not (traced or params.given or constant.given):
        declared = model.default_arguments()
        return declared._replace(inputs=Inputs(declared.inputs.constant, signals)) if signals else declared
    functions = backend().functions(model) if traced else model.interpreted
    xp: Any = jnp if traced else np
    with np.errstate(all="ignore"):
        p = functions.parameters(xp.asarray(params.values), xp.asarray(params.mask, dtype=float))
        u = functions.input_defaults(p)
        if constant.given:
            u = xp.where(constant.mask, constant.values, u)
    return Args(p, Inputs(u, signals))


def reason(status: Status, names: Sequence[str], term: str | None = None) -> str:
    """The message on a run's end: the reason, the unknowns involved, advice; or the `term` at fault."""
    text = status.message
    if status == Status.CHATTERING:
        return f"{text}: {term}; {status.advice}"
    if term is not None:
        return f"{text}: {term}" + (f"; most involved: {', '.join(f'`{n}`' for n in names)}" if names else "")
    if names and status != Status.SUCCESS:
        text += f"; most involved: {', '.join(f'`{n}`' for n in names)}"
    return text + (f"; {status.advice}" if status.advice else "")


def simulate(
    model: CompiledProgram,
    options: Options,
    time: Any,
    params: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
    saveat: Any,
    points: int | None,
    initial: Any,
    progress: Callable[[str], None] | bool | None,
    outputs: Sequence[str] | None = None,
    check: bool = False,
) -> Solution:
    """See `CompiledModel.simulate`."""
    check_precision()
    part = None if outputs is None else pruned(model, outputs)
    progress = caller(progress, "`progress`")
    times, turned = save_times(saveat), False
    start, end = interval(model, time, times)
    if times is None:
        points = points if points is not None else model.experiment.get("points")
        spread_over = None if points is None else spread(model, start, end, points)
    else:
        spread_over = None
        times = within(times, start, end)
        turned = against(times, start, end)
        times = times[::-1] if turned else times
    args = arguments(model, model.given.params(params), *model.given.driven(inputs, (start, end)))
    given = model.given.initial(initial)
    if part is not None:
        model, given = part.model, part.restricted(given)
        options = restricted(options, part)
    model = counting(model, options.quadratures)
    with np.errstate(all="ignore"):
        args = with_beginning(model.program, model.interpreted, start, args, given, np)
    system = model.system(driven=bool(args.inputs.signals))
    view = ModelView(model, np.asarray(args.p), args.inputs, None if part is None else part.labels)
    refuse_parameters(model, view.parameters)
    y0, report = begin(model, start, args, given, overridden=initial is not None)
    if report.failure is not None:
        nowhere = np.array([start])
        solution = Solution(view, nowhere, y0[None], Status.INITIAL, report.failure, {}, None, report)
        solution.check = unexamined(report.failure) if check else None
        return solution
    refuse_start(model, y0)
    args = args._replace(knots=knots_of(model, args, options.rtol, start, end, y0))
    tolerated = tier.tolerances(model, options, y0)
    taken = tier.settled(model, options, args, start, end, y0)
    eventful = model.program.events.count > 0
    # A check, and the history of events, need the steps.
    recorded = check or eventful
    trajectory, tier_name = tier.trajectory(
        model,
        taken,
        start,
        end,
        y0,
        args,
        None if recorded else times,
        None if progress is None else lambda part: progress(f"solving: {part:.0%}"),
        tolerated,
    )
    status = Status(int(trajectory.status))
    involved: list[str] = []
    if status != Status.SUCCESS:
        involved = [system.names[int(k)] for k in trajectory.culprits if k >= 0]
    t, y, dense = trajectory.t, trajectory.y, None
    if recorded and times is not None:
        t, y = _at_times(trajectory, times, status)
    # Backwards, the program has the other side of a jump in time.
    kinked = model.program.kinked and not (end < start and len(model.program.crossings_periodic))
    between = Between(model, trajectory, np.asarray(args.p), args.inputs) if kinked else None
    if between is not None and times is not None:
        y = between.held(np.asarray(t, dtype=float), np.asarray(y))
    if turned:
        t, y = t[::-1], y[::-1]
    if times is None:
        dense = trajectory if between is None else between
        if spread_over is not None:
            reached = spread_over[(spread_over >= min(t[0], t[-1])) & (spread_over <= max(t[0], t[-1]))]
            t, y = reached, np.asarray(dense(reached))
    whole = trajectory if times is None else None
    left = left_table(model, trajectory.t, trajectory.y, np.asarray(args.p), args.inputs, options.rtol, whole)
    if left is not None:
        reached = np.asarray(t) < left.time if end >= start else np.asarray(t) > left.time
        t, y, status = np.asarray(t)[reached], np.asarray(y)[reached], Status.OUTSIDE
    stats = {
        **tier.about(model, options, args.inputs.signals),
        "method": tier.chosen(model, taken, args.inputs.signals),
        "tier": tier_name,
        **trajectory.stats,
        "start_iterations": report.iterations,
    }
    # Most runs are not asked for them.
    noted = partial(notes, model, view.variables_at, t, y, options.rtol, tolerated[1])
    term = term_without_value(model, t, y, args) if status == Status.NON_FINITE else None
    if status in STUCK:
        term = condition_that_chatters(model, trajectory.t, trajectory.y, args)
        status = status if term is None else Status.CHATTERING
    why = reason(status, involved, term if left is None else left.text)
    if left is not None:
        why += f"; {status.advice}"
    stopped = None
    if left is None and eventful and status in ENDINGS:
        last = next(instants(model, trajectory, args, y0, last=True), None)
        status = chatters(model.program, status, last)
        why = ending(model.program, status, last) or why
        stopped = ended_by(model.program, status, last)
    solution = Solution(view, t, y, status, why, stats, dense, report, noted)
    if eventful:
        solution.ended_by = None if stopped is None else stopped.text
        solution.tell_events(partial(history, model, trajectory, args, y0))
    if status == Status.INTERRUPTED:
        raise Interrupted(solution)
    if check:
        declared, p = initial is None, np.asarray(args.p)
        whole = part is None
        ended = "" if solution.success else why
        solution.check = checked(
            model, trajectory, p, args.inputs, options.rtol, tolerated[1], declared, whole, between, ended
        )
        if status == Status.SUCCESS:
            finer = _finer(model, taken, start, end, y0, args, trajectory, tolerated)
            solution.check = with_accumulated(model, solution.check, trajectory, finer, *tolerated)
    return solution


def _finer(
    model: CompiledProgram,
    options: Options,
    start: float,
    end: float,
    y0: np.ndarray,
    args: Args,
    found: Trajectory,
    tolerated: tuple[Any, Any],
) -> Trajectory:
    """The solution once more, to a tighter tolerance: by the kernel's method where there is a kernel."""
    part, method = FINER_OTHERWISE, options.method
    if options.linear == "auto" and tier.kernel(model, tier.KERNEL, args.inputs.signals) is not None:
        part, method = FINER, tier.KERNEL
    part = max(part, min(1.0, LEAST / max(options.rtol, LEAST)))
    attempts = ATTEMPTS * (found.stats["accepted"] + found.stats["rejected"]) + SOME
    finer = replace(options, rtol=part * options.rtol, method=method, max_steps=attempts)
    args = args._replace(knots=knots_of(model, args._replace(knots=None), finer.rtol, start, end, y0))
    allowed = part * tolerated[0], part * tolerated[1]
    return tier.trajectory(model, finer, start, end, y0, args, None, None, allowed)[0]


def _at_times(trajectory: Trajectory, times: np.ndarray, status: Status) -> tuple[np.ndarray, np.ndarray]:
    """Recorded values at chosen times. Of a run that an event ended, the last time is that end."""
    if status not in (Status.STOPPED, Status.VIOLATED):
        return times, np.asarray(trajectory(times))
    end = trajectory.t[-1]
    kept = times[times < end]
    return np.r_[kept, end], np.concatenate([np.asarray(trajectory(kept)), trajectory.y[-1:]])


def initial_state(model: CompiledProgram, params: Mapping[str, Any] | None, time: float | None) -> np.ndarray:
    """See `CompiledModel.initial_state`."""
    start = begins(model, time)
    args = arguments(model, model.given.params(params), *model.given.driven(None))
    y, report = begin(model, start, args, model.given.initial(None), overridden=False)
    if report.failure is not None:
        raise ValueError(report.failure)
    return y


def start_report(
    model: CompiledProgram,
    params: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
    time: float | None,
    initial: Any,
) -> StartReport:
    """See `CompiledModel.start_report`."""
    start = begins(model, time)
    args = arguments(model, model.given.params(params), *model.given.driven(inputs))
    return begin(model, start, args, model.given.initial(initial), overridden=initial is not None).report


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
    in declared units, status, counts, diagnostics)
    """
    part = pruned(model, outputs)
    model, labels, numbers = counting(part.model, options.quadratures), part.labels, part.numbers
    program, functions = model.program, backend().functions(model)
    system = tier.beginning(model, bool(signals))
    scale = np.array([b.scale for b in model.declarations(numbers)])
    shift = np.array([b.shift for b in model.declarations(numbers)])
    flat = program.system.flat
    place = np.full(flat.size, -1, dtype=np.int64)
    place[program.system.states] = np.arange(len(program.system.states))
    direct, sign = place[flat.alias[numbers]], flat.sign[numbers].astype(float)
    method = tier.chosen(model, options, signals)
    solve, alone = tier.pure_solve(model, method, options, signals, slots, diagnostics)
    small = small_starts(model)
    free = program.system.initial.free
    known_start = anchor(model) if len(free) else None
    kinked = model.program.kinked and not any(signal.jumps is not None for signal in signals)
    search = searched(model)
    slides = only_branches(program)
    hold = searching(model) if kinked else None

    def near(args: Args) -> Anchor | None:
        """The declared model's start, with the inputs of this run."""
        if known_start is None:
            return None
        return known_start._replace(args=Args(known_start.args.p, args.inputs))

    def start_of(start, args: Args, initial: Overrides):
        """Consistent values, NaN where there are none, whether there are, and arguments that hold the totals."""
        u = args.inputs(start)
        args = with_beginning(program, functions, start, args, initial, jnp)
        known, y = first_guess(program, functions, args.p, u, start, initial, jnp)
        begun = jnp.array(True)
        if len(free):
            at_start = consistent(
                program, system, start, y, held_at(args, u), known, near(held_at(args, u)), search
            )
            y, begun = at_start.y, at_start.converged
        # Off the constraints no solution begins: the first step must not hide that by going back to them.
        begun &= holds(
            program, system, start, y, held_at(args, u), known, overridden=bool(initial.mask.any())
        )
        # Added, and not chosen: so that derivatives of what did not begin are those of a failed solve.
        return y + jnp.where(begun, 0.0, jnp.nan), begun, args

    def one(start, end, saveat, args: Args, initial: Overrides, tolerances):
        initial = part.restricted(initial)
        # Steps end at knots: the start knows of none.
        knots, args = args.knots, args._replace(knots=None)
        if in_turn and len(free):

            def at(start, args, *values):
                own = dict(zip(("values", "apart_values"), values, strict=True))
                return start_of(start, args, replace(initial, **own))

            y, begun, args = sequential_vmap(at)(start, args, initial.values, initial.apart_values)
        else:
            y, begun, args = start_of(start, args, initial)
        rtol, atol = tolerances
        args = with_knots(model, args._replace(knots=knots), rtol, start, end, y)
        atol = jnp.asarray(atol)[part.kept] if np.ndim(atol) else atol
        rtol = rtol * relative(model)
        atol = program.absolute(rtol, atol, small, jnp)
        found = solve(start, end, y, args, saveat, rtol, atol)
        if kinked:
            # Backwards, the program has the other side of a jump in time.
            forward = (end >= start) | (not len(program.crossings_periodic))
            values = jnp.where(forward, held(system, saveat, found.ys, args, hold), found.ys)
            found = found._replace(ys=values)
        if np.all(direct >= 0):
            si = found.ys[:, direct] * sign
        else:
            of_state = part.evaluated()
            found_outputs = jax.vmap(lambda t, y: of_state(t, y, args.p, args.inputs(t)))(saveat, found.ys)
            unreached = jnp.any(jnp.isnan(found.ys), axis=1, keepdims=True)
            si = derivable(jnp.where(unreached, jnp.nan, 0.0) + found_outputs, ~unreached)
        status = jnp.where(begun, found.status, Status.INITIAL).astype(found.status.dtype)
        if slides:
            status = jnp.where(status == Status.ENDLESS, Status.CHATTERING, status).astype(status.dtype)
        if len(program.watched):
            late = outside(model, saveat, found.ys, args.p, args.inputs, tolerances[0])
            status = jnp.where(begun & jnp.any(late), Status.OUTSIDE, status).astype(status.dtype)
            si = derivable(jnp.where(late[:, None], jnp.nan, si), ~late[:, None])
        # Where a run ends by an event, its parameters decide.
        ended = found.t if program.events.count else None
        return (si - shift) / scale, status, found.counts, found.sums, ended

    return labels, one, alone


def ensemble(
    model: CompiledProgram,
    options: Options,
    time: Any,
    saveat: Any,
    outputs: Sequence[str] | None,
    params: Mapping[str, Any] | None,
    initial: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
    progress: Callable[[float], None] | bool | None,
    threads: int | None = None,
    executor: Any = None,
    traced: Callable[..., Ensemble] | None = None,
) -> Ensemble:
    """See `CompiledModel.ensemble`. Values that belong to a trace go to `traced(outputs, varied, fixed, inputs)`."""
    progress = caller(progress, "`progress`")
    times = save_times(saveat)
    start, end = interval(model, time, times)
    if times is None:
        times = spread(model, start, end, model.experiment.get("points", POINTS))
    else:
        times = within(times, start, end)
    turned = against(times, start, end)
    outputs = names_of(outputs)
    values = {
        "params": dict(mapping(params, "`params`")),
        "initial": dict(mapping(initial, "`initial`")),
    }
    first, tables, constants = lane_inputs(inputs, model.given.input_rank)
    _refuse_constants(model, constants)
    varied, fixed, count = _split(model, values, {**tables, **constants})
    if traced is not None and any(isinstance(v, Tracer) for v in jax.tree.leaves((varied, fixed, first))):
        if executor is not None:
            raise ValueError("what is traced (`jit`, `grad`, `vmap`) cannot be sent to other workers")
        return traced(outputs, varied, fixed, first)
    constant, signals = model.given.driven(first, (start, end))
    devices = executors.devices(executor)
    if executor is not None and not devices:
        executors.check_inputs(first, executor)
        task = executors.EnsembleTask(model.origin, options, (start, end), times, outputs, fixed, first)
        return Ensemble(times, *executors.spread(executor, task, varied, count, progress, solve_task))
    check_process()
    part = counting(pruned(model, outputs).model, options.quadratures)
    options = tier.expected(part, options, signals, start, end)
    method = tier.chosen(part, options, signals)
    slots, most = None, CHUNK
    if not backend().threads:
        slots, most = device_slots(part.program.size, len(times), model.thresholds.slots)
        threads = 1
    kind = EnsembleKind(
        method,
        tier.expect(part, method, count),
        _but_tolerances(options, options.limit(tier.points_of(signals))),
        outputs,
        tuple((given, name) for given in varied for name in varied[given]),
        tuple((given, name) for given in fixed for name in fixed[given]),
        tuple(constants),
        jax.tree.structure(signals),
        devices,
        slots,
        signals,
    )
    labels, program, pace = _lanes(model, kind)
    together = not signals and count * part.program.size <= TOGETHER
    shared = (
        start,
        end,
        times[::-1] if turned else times,
        (options.rtol, np.asarray(options.atol)),
        fixed,
        (np.asarray(constant.values), np.asarray(constant.mask)),
        signals,
        None if tables else knots_of_tables(signals, options.rtol, start, end),
    )
    if devices:
        threads = 1
    group = max(1, len(devices))
    found, status, counts = run_lanes(
        program, shared, varied, count, progress, threads, group, most, pace, together
    )
    stats = dict(zip(Counts._fields, np.sum(counts, axis=0).tolist(), strict=True))
    made = Ensemble(times, labels, found[:, ::-1] if turned else found, status, stats)
    for ended in CROWDED:
        lanes_so = np.flatnonzero(made.status == int(ended))
        if len(lanes_so):
            own = {
                kind: {name: v[lanes_so[0]] for name, v in given.items()} for kind, given in varied.items()
            }
            task = executors.EnsembleTask(model.origin, options, (start, end), times, outputs, fixed, first)
            why = _reason_of_lane(model, task, own)
            made.details |= {} if why is None else {int(ended): (int(lanes_so[0]), why)}
    return made


def _reason_of_lane(
    model: CompiledProgram, task: executors.EnsembleTask, own: dict[str, dict[str, Any]]
) -> str | None:
    """Why the run of one lane ended, as `simulate` says it: with the condition. None where it does not end there."""
    inputs = {**task.inputs, **{k: executors.of_lane(task.inputs[k], v) for k, v in own["inputs"].items()}}
    params, initial = ({**task.fixed[kind], **own[kind]} for kind in ("params", "initial"))
    found = simulate(
        model, task.options, task.time, params, inputs, None, 2, initial or None, None, task.outputs
    )
    return found.reason if found.status in CROWDED else None


@dataclass(frozen=True)
class EnsembleKind:
    """Key of the compiled program of an ensemble's lanes: options but for tolerances, and which names differ
    between lanes (`varied`, among them inputs that are `constants` in time) or are given for all of them (`fixed`)."""

    method: str
    vectorized: bool
    options: Options
    outputs: tuple[str, ...] | None
    varied: tuple[tuple[str, str], ...]
    fixed: tuple[tuple[str, str], ...]
    constants: tuple[str, ...]
    structure: Any
    devices: tuple[Any, ...]
    slots: int | None
    # Signals of that structure: their values are arguments of the program.
    signals: tuple[Signal, ...] = field(compare=False)


@artifact
def _lanes(
    model: CompiledProgram, kind: EnsembleKind
) -> tuple[tuple[str, ...], Callable[..., Any], dict[int, float]]:
    """The outputs' names, the program of many lanes, and the seconds that a lane takes, once known (`run_lanes`)."""
    slots = kind.slots
    labels, one, alone = lane(model, kind.options, kind.signals, kind.outputs, slots, in_turn=slots is None)

    def run(shared, own):
        start, end, times, tolerances, given, (inputs, mask), signals, knots = shared
        params = model.given.params({**given["params"], **own["params"]})
        begin = {**given["initial"], **own["initial"]}
        begin = model.given.initial(begin or None)
        signals = tuple(s.with_values(own["inputs"].get(s.name, s.values)) for s in signals)
        moved = model.given.constants({name: own["inputs"][name] for name in kind.constants})
        if moved.given:
            inputs = jnp.where(moved.mask, moved.values, inputs)
        args = _arguments(model, True, params, Overrides(inputs, mask), signals)._replace(knots=knots)
        values, status, counts, *_ = one(start, end, times, args, begin, tolerances)
        # Each result of a program costs microseconds.
        return values, status, jnp.stack(counts)

    if kind.devices:
        return labels, executors.over_devices(lanes(run, alone, jax.jit), kind.devices), {}
    return labels, lanes(run, alone), {}


def solve_task(task: executors.EnsembleTask, own: dict[str, dict[str, np.ndarray]]):
    """Runs in a worker: compiles the model the first time, and solves its lanes with one thread."""
    assert task.origin is not None
    model = executors.compiled(task.origin)
    inputs = dict(task.inputs)
    for name, values in own["inputs"].items():
        inputs[name] = executors.of_lane(inputs[name], values)
    found = ensemble(
        model,
        task.options,
        task.time,
        task.saveat,
        task.outputs,
        {**task.fixed["params"], **own["params"]},
        {**task.fixed["initial"], **own["initial"]},
        inputs,
        None,
        threads=1,
    )
    return found.outputs, np.asarray(found.values), found.status, found.stats


def _refuse_constants(model: CompiledProgram, constants: Mapping[str, Any]) -> None:
    """Raises `ValueError` where an input of a lane lies outside of its declared bounds, or has another shape."""
    for name, values in constants.items():
        found = model.input_names.find(name)
        if values.shape[1:] != found.shape:
            raise ValueError(_of_lanes(name, found.shape, values.shape))
        if found.block.sizes and not isinstance(values, Tracer):
            refuse(found, values * found.block.scale + found.block.shift, "input")


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
    constants = lane_inputs(inputs, model.given.input_rank)[2]
    kinds = (
        (model.parameter_names, params or {}),
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


def _split(
    model: CompiledProgram, values: dict[str, dict[str, Any]], driven: dict[str, Any]
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, dict[str, Any]], int]:
    """Values that differ between lanes (on a leading axis), values that do not, and the number of lanes.

    `driven` holds the inputs that differ: values of tables (lanes, times), constants (lanes, ...).
    """
    varied: dict[str, dict[str, Any]] = {"params": {}, "initial": {}, "inputs": driven}
    fixed: dict[str, dict[str, Any]] = {"params": {}, "initial": {}}
    counts: dict[str, int] = {name: len(lanes) for name, lanes in driven.items()}
    names = {"params": model.parameter_names, "initial": model.variable_names}
    words = {"params": "parameter", "initial": "initial value"}
    whole: list[tuple[str, tuple[int, ...]]] = []
    for kind, given in values.items():
        for name, value in given.items():
            found = names[kind].find(name)
            rank = len(found.shape)
            if isinstance(value, str):
                value = quantity(name, value, found.block.unit, labels=found.block.labels)
            traced = isinstance(value, Tracer)
            array = value if traced else numbers(value, f"`{name}`")
            if array.ndim > rank + 1 or array.shape[max(0, array.ndim - rank) :] not in ((), found.shape):
                raise ValueError(_of_lanes(name, found.shape, array.shape))
            if found.block.sizes and not traced:
                lanes_of = array.reshape(-1, *found.shape) if array.ndim == rank + 1 else array
                refuse(found, lanes_of * found.block.scale + found.block.shift, words[kind])
            if array.ndim == rank + 1:
                varied[kind][name] = array
                counts[name] = len(array)
            else:
                fixed[kind][name] = array
                whole += [(name, found.shape)] if array.ndim else []
    if not counts:
        raise ValueError(
            "an ensemble needs at least one array of values in `params`, `initial` or `inputs`, one for each lane"
            + "".join(f"; {_of_lanes(name, shape, shape)}" for name, shape in whole[:1])
        )
    if len(set(counts.values())) > 1:
        told = ", ".join(f"`{n}` {c}" for n, c in counts.items())
        raise ValueError(f"all arrays need one value for each lane, but there are {told}")
    count = next(iter(counts.values()))
    if count == 0:
        raise ValueError("an ensemble needs at least one lane")
    return varied, fixed, count


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
