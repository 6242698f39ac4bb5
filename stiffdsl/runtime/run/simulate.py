"""One run of a model on the host: a consistent start, the solve, its values at the times asked for, and its end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from stiffdsl.runtime import tier
from stiffdsl.runtime.beginning import with_beginning
from stiffdsl.runtime.between import Between
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.delayed import delays
from stiffdsl.runtime.delayed.delays import has_delays, refuse_delays
from stiffdsl.runtime.driving.bundles import apart
from stiffdsl.runtime.driving.held_ends import held_ends
from stiffdsl.runtime.driving.knots import knots_of
from stiffdsl.runtime.driving.outside_tables import LeftTable, left_table
from stiffdsl.runtime.driving.undriven import refuse_undriven
from stiffdsl.runtime.event_history import (
    ENDINGS,
    EventLog,
    chatters,
    described,
    ended_by,
    ending,
    history,
    last_instant,
)
from stiffdsl.runtime.initialization.initial_state import begin
from stiffdsl.runtime.initialization.start_report import StartReport
from stiffdsl.runtime.limits import notes, refuse_parameters, refuse_start
from stiffdsl.runtime.output_slice import OutputSlice, counting, output_slice
from stiffdsl.runtime.run.arguments import run_arguments
from stiffdsl.runtime.run.options import restricted
from stiffdsl.runtime.run.stop_reason import (
    action_without_value,
    condition_that_chatters,
    reason,
    term_without_value,
)
from stiffdsl.runtime.run.times import SavedTimes, begins, saved_times
from stiffdsl.runtime.run_view import ModelView
from stiffdsl.runtime.system import Args
from stiffdsl.runtime.verify.accumulated import ATTEMPTS, FINER, FINER_OTHERWISE, LEAST, SOME
from stiffdsl.runtime.verify.check import Check, checked, unexamined, with_accumulated
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.process import check_precision
from stiffdsl.solve.base.progress import caller
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.record import Trajectory, values_at
from stiffdsl.solve.integrate.solution import Interrupted, Solution

# Ends of a run whose steps get nowhere.
STUCK = Status.MAX_STEPS, Status.STEP_TOO_SMALL, Status.NEWTON


class _Start(NamedTuple):
    """The initial value problem of a run: the model, or the part of it that outputs need, and consistent values."""

    model: CompiledProgram
    options: Options
    args: Args
    view: ModelView
    y0: np.ndarray
    report: StartReport
    declared: bool
    whole: bool
    # The names of inputs that the run was given, and its interval.
    driven: tuple[str, ...]
    span: tuple[float, float]


class _Solve(NamedTuple):
    """A trajectory and what it was made with: arguments with knots, options with the method that was settled on,
    tolerances by unknown, the tier."""

    start: _Start
    args: Args
    options: Options
    tolerances: tuple[Any, Any]
    trajectory: Trajectory
    tier: str


class _Values(NamedTuple):
    """Values of a run at the times at which it is read, and the dense output where these are its own."""

    t: np.ndarray
    y: np.ndarray
    dense: Callable[[Any], Any] | None
    between: Between | None


class _End(NamedTuple):
    """The status of a run, the reason of its end, and the text of the `stop` or `assert` that ended it."""

    status: Status
    reason: str
    stop: str | None = None


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
    # What is delayed may be left out of what outputs need.
    part = None if outputs is None or has_delays(model) else output_slice(model, outputs)
    if check:
        refuse_delays(model, "there is no check of")
    progress = caller(progress, "`progress`")
    asked = saved_times(model, time, saveat, points)
    start = _begun(model, options, part, asked, params, inputs, initial)
    if start.report.failure is not None:
        return _not_begun(start, asked, check)
    # A check, and the history of events, need the steps; and where a table was left, too.
    eventful = start.model.program.events.count > 0
    solve = _solved(start, asked, check, eventful, progress)
    if solve.trajectory.status == Status.OUTSIDE and solve.trajectory.K is None:
        solve = _solved(start, asked, True, eventful, None)
    values = _read(solve, asked)
    left, values = _within_tables(solve, asked, values)
    solution = _solution(solve, values, _end(solve, values, left))
    if solution.status == Status.INTERRUPTED:
        raise Interrupted(solution)
    if check:
        solution.check = _checked(solve, asked, values, solution)
    return solution


def _begun(
    model: CompiledProgram,
    options: Options,
    part: OutputSlice | None,
    asked: SavedTimes,
    params: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
    initial: Any,
) -> _Start:
    """The start of a run: arguments, and consistent values as far as there are."""
    args = run_arguments(
        model, model.bindings.params(params), *model.bindings.driven(inputs, (asked.start, asked.end))
    )
    given = model.bindings.initial(initial)
    if part is not None:
        model, given = part.model, part.restricted(given)
        options = restricted(options, part)
    refuse_undriven(model, apart(inputs, model.bindings.inputs) or ())
    model = counting(model, options.quadratures)
    args = with_beginning(model.program, model.interpreted, asked.start, args, given, np)
    view = ModelView(model, np.asarray(args.p), args.inputs, None if part is None else part.labels)
    refuse_parameters(model, view.parameters)
    if has_delays(model):
        args, y0, report = delays.begun(model, asked.start, args, given, overridden=initial is not None)
    else:
        y0, report = begin(model, asked.start, args, given, overridden=initial is not None)
    told = initial is None, part is None, tuple(inputs or ()), (asked.start, asked.end)
    return _Start(model, options, args, view, y0, report, *told)


def _not_begun(start: _Start, asked: SavedTimes, check: bool) -> Solution:
    """The solution of a run without consistent values to begin with."""
    why = start.report.failure
    assert why is not None
    nowhere = np.array([asked.start])
    solution = Solution(start.view, nowhere, start.y0[None], Status.INITIAL, why, {}, None, start.report)
    solution.check = unexamined(why) if check else None
    return solution


def _solved(
    start: _Start,
    asked: SavedTimes,
    recorded: bool,
    instants: bool,
    progress: Callable[[str], None] | None,
) -> _Solve:
    """The solve from a start: at the times asked for, with the steps about `instants`, or step by step where it is
    `recorded` or no times are asked."""
    model, options, y0 = start.model, start.options, start.y0
    refuse_start(model, y0)
    args = start.args._replace(knots=knots_of(model, start.args, options.rtol, asked.start, asked.end, y0))
    tolerances = tier.tolerances(model, options, y0)
    if has_delays(model):
        told = None if progress is None else lambda part: progress(f"solving: {part:.0%}")
        ends = asked.start, asked.end
        trajectory, args = delays.trajectory(model, options, *ends, y0, args, tolerances, told)
        start = start._replace(args=args, view=ModelView(model, np.asarray(args.p), args.inputs))
        options = replace(options, method=delays.METHOD if options.method == "auto" else options.method)
        return _Solve(start, args, options, tolerances, trajectory, "portable")
    taken = tier.settled(model, options, args, asked.start, asked.end, y0)
    trajectory, by = tier.trajectory(
        model,
        taken,
        asked.start,
        asked.end,
        y0,
        args,
        None if recorded else asked.at,
        None if progress is None else lambda part: progress(f"solving: {part:.0%}"),
        tolerances,
        instants,
        later=True,
    )
    return _Solve(start, args, taken, tolerances, trajectory, by)


def _read(solve: _Solve, asked: SavedTimes) -> _Values:
    """Values at the times asked for, with algebraic unknowns solved for where their equations have kinks."""
    model, trajectory, args = solve.start.model, solve.trajectory, solve.args
    program = model.program
    t, y = trajectory.t, trajectory.y
    if trajectory.K is not None and asked.at is not None:
        t, y = values_at(trajectory, asked.at)
    # Backwards, the program has the other side of a jump in time.
    kinked = program.kinked and not (asked.end < asked.start and len(program.crossings_periodic))
    between = Between(model, trajectory, np.asarray(args.p), args.inputs) if kinked else None
    if asked.at is not None:
        if between is not None:
            y = between.held(np.asarray(t, dtype=float), np.asarray(y))
        return _Values(t[::-1], y[::-1], None, between) if asked.turned else _Values(t, y, None, between)
    dense = trajectory if between is None else between
    if asked.spread is not None:
        times = asked.spread
        t = times[(times >= min(t[0], t[-1])) & (times <= max(t[0], t[-1]))]
        y = np.asarray(dense(t))
    return _Values(t, y, dense, between)


def _within_tables(solve: _Solve, asked: SavedTimes, values: _Values) -> tuple[LeftTable | None, _Values]:
    """The values before an argument left its table, and where one did."""
    steps, args = solve.trajectory, solve.args
    dense, rtol = None if steps.K is None else steps, solve.tolerances[0]
    left = left_table(solve.start.model, steps.t, steps.y, np.asarray(args.p), args.inputs, rtol, dense)
    if left is None:
        return None, values
    t = np.asarray(values.t)
    reached = t < left.time if asked.end >= asked.start else t > left.time
    return left, values._replace(t=t[reached], y=np.asarray(values.y)[reached])


def _end(solve: _Solve, values: _Values, left: LeftTable | None) -> _End:
    """The end of a run: a table that was left, an event, a term without a value, a condition that chatters, or what
    the steps say."""
    model, trajectory, args = solve.start.model, solve.trajectory, solve.args
    status = Status(int(trajectory.status))
    involved: list[str] = []
    if status != Status.SUCCESS:
        names = model.system(driven=bool(args.inputs.signals)).names
        involved = [names[int(k)] for k in trajectory.culprits if k >= 0]
    if left is not None:
        status = Status.OUTSIDE
        return _End(status, f"{reason(status, [], left.text)}; {status.advice}")
    term = None
    if status == Status.NON_FINITE:
        action = action_without_value(model.program.system, values.y)
        if action is not None:
            return _End(status, reason(status, [], action))
        term = term_without_value(model, values.t, values.y, args)
    elif status in STUCK:
        term = condition_that_chatters(model, trajectory.t, trajectory.y, args)
        status = status if term is None else Status.CHATTERING
    why = reason(status, involved, term)
    if model.program.events.count and status in ENDINGS:
        words, last = described(model), last_instant(model, trajectory, args, solve.start.y0)
        status = chatters(words, status, last)
        stopped = ended_by(words, status, last)
        why = ending(words, status, last) or why
        return _End(status, why, None if stopped is None else stopped.text)
    return _End(status, why)


def _solution(solve: _Solve, values: _Values, end: _End) -> Solution:
    """The solution under the names of the model, with notes and events, which are made when they are asked for."""
    start, trajectory, args = solve.start, solve.trajectory, solve.args
    model, signals = start.model, args.inputs.signals
    method = tier.chosen(model, solve.options, signals)
    stepped = "method" in trajectory.stats or (solve.tier, method) == ("native", tier.KERNEL)
    stats = {
        # Of a run in the kernel there is no more to tell.
        **({} if stepped else tier.about(model, start.options, signals)),
        "method": method,
        "tier": solve.tier,
        **trajectory.stats,
        "start_iterations": start.report.iterations,
    }
    t, y = values.t, values.y
    reached = start.span[1] if end.status == Status.SUCCESS or not len(t) else float(t[-1])
    driven = partial(held_ends, signals, start.driven, start.span[0], reached)
    own = partial(notes, model, start.view.variables_at, t, y, start.options.rtol, solve.tolerances[1])
    noted = partial(_noted, driven, own)
    solution = Solution(start.view, t, y, end.status, end.reason, stats, values.dense, start.report, noted)
    if model.program.events.count:
        solution.ended_by = end.stop
        solution.tell_events(partial(_events, solve))
    return solution


def _events(solve: _Solve) -> EventLog:
    """The events of a run, which is made again where the steps about them were not kept."""
    start, steps, args = solve.start, solve.trajectory, solve.args
    if steps.K is None:
        reached = np.flatnonzero(np.all(np.isfinite(steps.y), axis=-1))
        end = start.span[1] if steps.status == Status.SUCCESS else float(steps.t[max(reached, default=0)])
        given = solve.options, start.span[0], end, start.y0, args, np.array([end]), None, solve.tolerances
        steps = tier.trajectory(start.model, *given, instants=True)[0]
    return history(start.model, steps, args, start.y0)


def _noted(*parts: Callable[[], list[str]]) -> list[str]:
    """Notes of several kinds, one after the other."""
    return [note for part in parts for note in part()]


def _checked(solve: _Solve, asked: SavedTimes, values: _Values, solution: Solution) -> Check:
    """The independent check of a run; its accumulated error where it succeeded."""
    start, trajectory, args = solve.start, solve.trajectory, solve.args
    found = checked(
        start.model,
        trajectory,
        np.asarray(args.p),
        args.inputs,
        start.options.rtol,
        solve.tolerances[1],
        start.declared,
        start.whole,
        values.between,
        "" if solution.success else solution.reason,
    )
    if solution.status != Status.SUCCESS:
        return found
    return with_accumulated(start.model, found, trajectory, _finer(solve, asked), *solve.tolerances)


def _finer(solve: _Solve, asked: SavedTimes) -> Trajectory:
    """The solution once more, to a tighter tolerance: by the kernel's method where there is a kernel."""
    model, y0, args, options = solve.start.model, solve.start.y0, solve.args, solve.options
    part, method = FINER_OTHERWISE, options.method
    if options.linear == "auto" and tier.kernel(model, tier.KERNEL, args.inputs.signals) is not None:
        part, method = FINER, tier.KERNEL
    part = max(part, min(1.0, LEAST / max(options.rtol, LEAST)))
    stats = solve.trajectory.stats
    attempts = ATTEMPTS * (stats["accepted"] + stats["rejected"]) + SOME
    finer = replace(options, rtol=part * options.rtol, method=method, max_steps=attempts)
    knots = knots_of(model, args._replace(knots=None), finer.rtol, asked.start, asked.end, y0)
    allowed = part * solve.tolerances[0], part * solve.tolerances[1]
    args = args._replace(knots=knots)
    return tier.trajectory(model, finer, asked.start, asked.end, y0, args, None, None, allowed)[0]


def initial_state(model: CompiledProgram, params: Mapping[str, Any] | None, time: float | None) -> np.ndarray:
    """See `CompiledModel.initial_state`."""
    start = begins(model, time)
    args = run_arguments(model, model.bindings.params(params), *model.bindings.driven(None))
    y, report = begin(model, start, args, model.bindings.initial(None), overridden=False)
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
    args = run_arguments(model, model.bindings.params(params), *model.bindings.driven(inputs))
    return begin(model, start, args, model.bindings.initial(initial), overridden=initial is not None).report
