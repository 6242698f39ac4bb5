"""`stiffdsl simulate FILE`: solves a model and writes what happened."""

import time as clock
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import writable, writing
from stiffdsl.cli.interruption import Stopped, noticed
from stiffdsl.cli.loading import load, part_for, starting
from stiffdsl.cli.options import (
    ChoiceType,
    DrivenInput,
    DrivenType,
    PositiveType,
    Setting,
    SettingType,
    Sweep,
    SweepType,
    eliminate_option,
    file_argument,
    json_option,
    linear_solvers,
    methods,
    model_option,
    outputs_option,
    set_option,
    time_option,
)
from stiffdsl.cli.terminal import print_rich, progress, say, write_json
from stiffdsl.diagnostics import did_you_mean

if TYPE_CHECKING:
    from stiffdsl.cli.runs import RunArguments

PICTURES = (".png", ".svg", ".pdf")
EXTREMES = ("first", "last", "least", "greatest")


@click.command(short_help="Solve a model.")
@file_argument
@model_option
@time_option
@set_option
@click.option(
    "--method",
    default=None,
    type=ChoiceType(methods),
    help="The solver; otherwise that of the experiment, or auto.",
)
@click.option(
    "--linear",
    default=None,
    type=ChoiceType(linear_solvers),
    help="How linear systems are solved: klu by sparse factors, krylov for grids, static for devices.",
)
@click.option("--rtol", type=PositiveType(), help="Relative tolerance.")
@click.option("--atol", type=PositiveType(), help="Absolute tolerance.")
@click.option("--max-step", type=PositiveType(), help="The longest step, in seconds.")
@click.option(
    "--include-quadratures",
    is_flag=True,
    help="Let states that nothing reads (energy meters) count in the error norm, too.",
)
@click.option("--points", type=click.IntRange(min=2), help="How many times to save.")
@click.option(
    "--saveat", metavar="FILE", help="The times to save: one a line, or the first column of a CSV file."
)
@click.option(
    "--out", metavar="R.csv", help="Write the solution: .csv, .parquet or .nc; `-` for CSV on stdout."
)
@click.option("--plot", "picture", metavar="P.png", help="Draw the solution: .png, .svg or .pdf.")
@click.option(
    "--input",
    "driven",
    type=DrivenType(),
    multiple=True,
    help="Drive an input by a column of a CSV or Parquet file (time in the first): u=data.csv:column. Repeatable.",
)
@click.option(
    "--outside",
    type=click.Choice(("error", "hold", "extend", "repeat")),
    help="Files of --input beyond their times: refused, held, a straight line, or once more. Otherwise what the model "
    "says of the input's own file; without one, ends are held, with a warning.",
)
@click.option(
    "--initial", type=SettingType(), multiple=True, help="Give a state another start value: x=1, T=20[degC]."
)
@click.option(
    "--sweep",
    "sweeps",
    type=SweepType(),
    multiple=True,
    help="One run for each value of a parameter, a constant input or a start value: k1=1..5:20, k1=1..1000:20:log, "
    "'T=10..30[degC]:5', 'k1={1,2,5}'. Two sweeps give all combinations.",
)
@click.option(
    "--draw",
    type=click.IntRange(min=1),
    help="So many runs, parameters drawn by their distributions (`~`), or evenly over their ranges.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seeds --draw; 0 where nothing is said.")
@click.option(
    "--sensitivity", is_flag=True, help="Derivatives of the outputs by the parameters that have ranges."
)
@click.option(
    "--compare",
    metavar="DATA.csv",
    help="Columns that are variables: how far off, and drawn beside the solution.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Hold the solution against the equations as written, and its steps against another method.",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell how the initial state was found.")
@click.option("-q", "--quiet", is_flag=True, help="Print no report: warnings and errors alone.")
@outputs_option
@eliminate_option
@json_option
def simulate(
    file: str,
    model: str | None,
    span: tuple[float, float] | None,
    settings: tuple[Setting, ...],
    method: str | None,
    linear: str | None,
    rtol: float | None,
    atol: float | None,
    max_step: float | None,
    include_quadratures: bool,
    points: int | None,
    saveat: str | None,
    out: str | None,
    picture: str | None,
    driven: tuple[DrivenInput, ...],
    outside: str | None,
    initial: tuple[Setting, ...],
    sweeps: tuple[Sweep, ...],
    draw: int | None,
    seed: int,
    sensitivity: bool,
    compare: str | None,
    check: bool,
    verbose: bool,
    quiet: bool,
    outputs: tuple[str, ...] | None,
    eliminate: bool,
    as_json: bool,
) -> None:
    """Solve FILE over a stretch of time and report the result.

    The CSV file has the header `time,<name>,...` with all declared variables, in declared units.
    """
    from stiffdsl.cli.data import drive
    from stiffdsl.cli.results import read_times
    from stiffdsl.cli.runs import RunArguments, drawn_values, swept_values

    if points is not None and saveat is not None:
        raise click.UsageError("--points and --saveat exclude each other: both say which times to save")
    if outside is not None and not driven:
        raise click.UsageError("--outside tells of the files of --input, and there is none")
    kinds = {"--sweep": bool(sweeps), "--draw": bool(draw), "--sensitivity": sensitivity}
    _refuse_conflicts([name for name, given in kinds.items() if given], compare is not None, check)
    _check_files(out, picture, sensitivity, as_json)
    times = None if saveat is None else read_times(saveat)
    check_method(method)
    check_linear(linear)

    start = clock.perf_counter()
    loaded = load(file, model, settings, eliminate=eliminate)
    part_for(loaded.model, outputs)
    seconds = {"compile": clock.perf_counter() - start}
    options: dict[str, Any] = {
        "rtol": rtol,
        "atol": atol,
        "method": method,
        "linear": linear,
        "max_step": max_step,
    }
    options["include_quadratures"] = include_quadratures or None
    call = RunArguments(
        loaded,
        outputs,
        starting(loaded.model, initial),
        drive(loaded.model, driven, _span(loaded.model, span, times), outside),
        points,
        times,
        span,
        {name: value for name, value in options.items() if value is not None},
    )
    if sensitivity:
        report, table = _sensitivity(call, out)
    elif sweeps or draw is not None:
        lanes = swept_values(call, sweeps) if sweeps else drawn_values(call, draw or 0, seed)
        report, table = _lanes(call, lanes, seconds, out, picture)
    else:
        report, table = _one(call, seconds, out, picture, compare, check, verbose and not quiet)
    _finish(report, table, out, quiet, as_json)


def _span(model: Any, span: tuple[float, float] | None, times: Any) -> tuple[float, float] | None:
    """The interval of the run; None where it is not known, which the run says itself."""
    from stiffdsl.runtime.run.times import interval

    try:
        return interval(model, span, times)
    except ValueError:
        return None


def _refuse_conflicts(asked: list[str], compared: bool, check: bool) -> None:
    """Raises UsageError where the kinds of runs that are `asked` for exclude each other, or what is done with one."""
    if asked and check:
        raise click.UsageError(f"{asked[0]} and --check exclude each other: --check looks at one run")
    if len(asked) > 1 or (asked and compared):
        also = [*asked, *(["--compare"] if compared else [])]
        raise click.UsageError(f"{' and '.join(also)} exclude each other: run the command once for each")


def _check_files(out: str | None, picture: str | None, sensitivity: bool, as_json: bool) -> None:
    """Raises UsageError, before anything is solved, where results or the picture could not be written."""
    from stiffdsl.cli.results import check_format

    if out == "-" and as_json:
        raise click.UsageError("--out - and --json both write to standard output; give --out a file")
    if out is not None:
        check_format(out)
        if out != "-":
            writable(out)
        if sensitivity and out != "-" and Path(out).suffix.lower() != ".csv":
            raise click.UsageError("--sensitivity writes .csv")
    if picture is not None:
        if sensitivity:
            raise click.UsageError("--sensitivity draws no picture; --out writes its figures")
        check_picture(picture)


def _finish(
    report: dict[str, Any],
    table: Callable[[dict[str, Any]], Any],
    out: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Prints the report. Raises `Failure` where a run did not reach the end, or its solution does not hold."""
    for warning in report.get("warnings", ()):
        say(f"warning: {warning}")
    if not quiet:
        if report.get("check") and not as_json:
            say(report["check"]["summary"])
        for path in report["written"]:
            if path != "-":
                say(f"wrote {path}")
    if report["status"] not in ("success", "stopped"):
        raise Failure(report.get("failure", "a run did not reach the end"), report)
    if report.get("check") and report["check"]["verdict"] == "failed":
        raise Failure(report["failure"], report)
    if as_json:
        write_json(report)
    elif out != "-" and not quiet:
        print_rich(table(report))


def _one(
    call: "RunArguments",
    seconds: dict[str, float],
    out: str | None,
    picture: str | None,
    compare: str | None,
    check: bool,
    verbose: bool,
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], Any]]:
    """One run: its report and how that is shown."""
    from stiffdsl.cli.comparison import differences, measured
    from stiffdsl.cli.data import read_data
    from stiffdsl.cli.results import write_solution
    from stiffdsl.report.tables import solution_table
    from stiffdsl.solve.integrate.solution import Interrupted

    data = {} if compare is None else measured(call.model, read_data(compare))
    given = {
        "time": call.time,
        "params": call.loaded.params or None,
        "inputs": {**call.loaded.inputs, **call.inputs} or None,
        "initial": call.initial or None,
        "points": call.points,
        "saveat": call.saveat,
        "outputs": call.outputs,
        "check": check or None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    begun = clock.perf_counter()
    with progress("solving") as tell:
        try:
            solution = call.model.simulate(**given, **call.options, progress=tell)
        except ValueError as error:
            raise Failure(str(error)) from None
        except Interrupted as stop:
            noticed()
            solution = stop.solution
    seconds = seconds | {"solve": clock.perf_counter() - begun}
    written = []
    with _told_once():
        if out is not None:
            with progress("writing"):
                write_solution(solution, out)
            written.append(out)
        if picture is not None:
            from stiffdsl.report.solution import plot_solution

            with progress("drawing"), writing(picture):
                plot_solution(solution, *data, path=picture, data=data)
            written.append(picture)
        report = solution_report(call.model, solution, seconds, written)
        if data:
            report["compared"] = differences(solution, data)
    if status_word(solution) == "interrupted":
        what = f"the solution up to time = {solution.reached:.6g}"
        raise Stopped(kept_lines(what, written), report)
    if verbose:
        say(f"start of {call.model.name}:\n{solution.start}")
    if not succeeded(solution):
        report["failure"] = failure_text(solution)
    elif solution.check is not None and solution.check.verdict == "failed":
        report["failure"] = f"the solution does not hold: {solution.check.reason}"
    return report, solution_table


def _lanes(
    call: "RunArguments",
    lanes: dict[str, Any],
    seconds: dict[str, float],
    out: str | None,
    picture: str | None,
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], Any]]:
    """Many runs: their report and how that is shown. It is a failure only where none reached the end."""
    from stiffdsl.cli.results import write_ensemble
    from stiffdsl.cli.runs import ensemble_report, run_lanes
    from stiffdsl.report.tables import ensemble_table

    begun = clock.perf_counter()
    batch, count = run_lanes(call, lanes)
    seconds = seconds | {"solve": clock.perf_counter() - begun}
    written = []
    if out is not None:
        with progress("writing"):
            write_ensemble(batch, out)
        written.append(out)
    if picture is not None:
        with progress("drawing"), writing(picture):
            batch.plot(path=picture)
        written.append(picture)
    report = ensemble_report(batch, seconds, written)
    if len(batch) < count:
        report["status"] = "interrupted"
        raise Stopped(kept_lines(f"{len(batch):,} of {count:,} runs", written), report)
    if not batch.success.any():
        report["failure"] = f"no run reached the end: {batch.reasons()[0]}"
    return report, ensemble_table


def _sensitivity(
    call: "RunArguments", out: str | None
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], Any]]:
    from stiffdsl.cli.results import write_sensitivities
    from stiffdsl.cli.runs import sensitivities, sensitivity_report
    from stiffdsl.report.tables import sensitivity_table

    found = sensitivities(call)
    if out is not None:
        times, _, slopes, outputs, names = found
        write_sensitivities(times, slopes, outputs, names, out)
    report = sensitivity_report(call, found, [out] if out is not None else [])
    if report["status"] != "success":
        report["failure"] = (
            "the solve did not reach the end, so there are no derivatives: see it without --sensitivity"
        )
    return report, sensitivity_table


def check_picture(path: str) -> None:
    if Path(path).suffix.lower() not in PICTURES:
        raise click.UsageError(f"{path}: a picture's ending must be one of {', '.join(PICTURES)}")
    writable(path)


def solution_report(
    model: Any, solution: Any, seconds: dict[str, float], written: list[str]
) -> dict[str, Any]:
    """The report of a solve: how it ended, what it cost, and where every declared variable went."""
    units = solution.view.units
    reached = solution.extremes()
    columns = (reached.first, reached.last, reached.least, reached.greatest)
    values = zip(*(column.tolist() for column in columns), strict=True)
    documented = [b for b in (*model.variable_names.blocks, *model.input_names.blocks) if b.doc]
    docs = {name: block.doc for block in documented for name in block.scalar_names()}
    labels = {name: b.labels for b in model.variable_names.blocks if b.labels for name in b.scalar_names()}
    variables = [
        {"name": name, "unit": units.get(name)}
        | ({"doc": docs[name]} if name in docs else {})
        | ({"labels": labels[name]} if name in labels else {})
        | (dict(zip(EXTREMES, row, strict=True)) if len(solution.t) else {})
        for name, row in zip(solution.names, values, strict=True)
    ]
    t = solution.t
    return {
        "model": model.name,
        "status": status_word(solution),
        "reason": str(solution.reason),
        "time": [t[0], t[-1]] if len(t) else [],
        "points": len(t),
        "stats": dict(solution.stats),
        "seconds": seconds,
        "start": None
        if solution.start is None
        else solution.start.to_dict() | {"summary": solution.start.summary},
        "check": None if solution.check is None else solution.check.to_dict(),
        "events": [_event(e) for e in solution.events or ()],
        "variables": variables,
        "warnings": [
            *_warnings(solution.names, reached.undefined_since),
            *_pivots(solution),
            *solution.notes,
        ],
        "written": written,
    }


def _event(event: Any) -> dict[str, Any]:
    """An event that fired, as JSON: what changed as pairs of the values before and after."""
    return {
        "time": event.time,
        "when": event.when,
        "line": event.line,
        "member": event.member,
        "changes": {name: list(pair) for name, pair in event.changes.items()},
    }


@contextmanager
def _told_once() -> Iterator[None]:
    """The report names all variables that are not numbers; reading them one by one need not."""
    from stiffdsl.solve.integrate.solution import NotANumberWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotANumberWarning)
        yield


def _warnings(names: list[str], since: Any) -> list[str]:
    """One warning for each time from which variables are not numbers though the states are."""
    import numpy as np

    from stiffdsl.solve.integrate.solution import undefined_text

    wrong = np.flatnonzero(~np.isnan(since))
    times = np.unique(since[wrong])
    return [undefined_text([names[k] for k in wrong[since[wrong] == at]], float(at)) for at in times]


def _pivots(solution: Any) -> list[str]:
    """The note on steps that needed other pivots than those planned, if there were many."""
    from stiffdsl.solve.integrate.solution import repivoted_text

    text = repivoted_text(solution.stats)
    return [text] if text else []


def succeeded(solution: Any) -> bool:
    return status_word(solution) in ("success", "stopped")


def status_word(solution: Any) -> str:
    return str(getattr(solution.status, "name", solution.status)).lower()


def kept_lines(what: str, written: list[str]) -> str:
    """The note on interrupted work of which `what` was finished: where that is kept, or what would keep it."""
    if written:
        return f"kept: {what}, in {' and '.join(written)}"
    return f"finished: {what}; nothing is kept without --out FILE"


def failure_text(solution: Any) -> str:
    """The message on a solve that ended early: the reason, a remedy, and the time reached."""
    t = solution.t
    reached = f"; the solution is known up to time = {float(t[-1]):.6g}" if len(t) else ""
    return f"the solve failed: {solution.reason}{reached}"


def check_method(method: str | None) -> None:
    """Raises UsageError for a name that is no method."""
    from stiffdsl.solve.base.method_table import METHODS

    if method is not None and method not in ("auto", *METHODS):
        hint = did_you_mean(method, METHODS)
        raise click.UsageError(
            f"there is no method `{method}`; {hint or 'there are auto, ' + ', '.join(METHODS)}"
        )


def check_linear(linear: str | None) -> None:
    """Raises UsageError for a name that is no linear solver."""
    from stiffdsl.solve.base.options import LINEAR, unknown_linear

    if linear is not None and linear not in ("auto", *LINEAR):
        raise click.UsageError(unknown_linear(linear))
