"""`stiffdsl simulate FILE`: solves a model and writes what happened."""

import time as clock
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import writable, writing
from stiffdsl.cli.loading import load, part_for
from stiffdsl.cli.options import (
    IntervalType,
    PositiveType,
    Setting,
    eliminate_option,
    file_argument,
    json_option,
    model_option,
    outputs_option,
    set_option,
)
from stiffdsl.cli.terminal import print_rich, progress, say, write_json
from stiffdsl.diagnostics import did_you_mean

PICTURES = (".png", ".svg", ".pdf")
EXTREMES = ("first", "last", "least", "greatest")


@click.command(short_help="Solve a model.")
@file_argument
@model_option
@click.option(
    "--time", "span", type=IntervalType(), help="Start and end; otherwise the experiment of the model."
)
@set_option
@click.option("--method", default=None, help="The solver; otherwise that of the experiment, or auto.")
@click.option(
    "--linear",
    default=None,
    help="How linear systems are solved: auto, dense, klu (sparse factors), krylov (for grids), static (for devices).",
)
@click.option("--rtol", type=PositiveType(), help="Relative tolerance.")
@click.option("--atol", type=PositiveType(), help="Absolute tolerance.")
@click.option("--points", type=click.IntRange(min=2), help="How many times to save.")
@click.option(
    "--saveat", metavar="FILE", help="The times to save: one a line, or the first column of a CSV file."
)
@click.option(
    "--out", metavar="R.csv", help="Write the solution: .csv, .parquet or .nc; `-` for CSV on stdout."
)
@click.option("--plot", "picture", metavar="P.png", help="Draw the solution: .png, .svg or .pdf.")
@click.option("--verbose", is_flag=True, help="Tell how the initial state was found.")
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
    points: int | None,
    saveat: str | None,
    out: str | None,
    picture: str | None,
    verbose: bool,
    outputs: tuple[str, ...] | None,
    eliminate: bool,
    as_json: bool,
) -> None:
    """Solve FILE over a stretch of time and report the result.

    The CSV file has the header `time,<name>,...` with all declared variables, in declared units.
    """
    from stiffdsl.cli.results import check_format, read_times, write_solution

    if points is not None and saveat is not None:
        raise click.UsageError("--points and --saveat exclude each other: both say which times to save")
    if out == "-" and as_json:
        raise click.UsageError("--out - and --json both write to standard output; give --out a file")
    if out is not None:
        check_format(out)
        if out != "-":
            writable(out)
    if picture is not None:
        check_picture(picture)
    times = None if saveat is None else read_times(saveat)
    check_method(method)
    check_linear(linear)

    start = clock.perf_counter()
    loaded = load(file, model, settings, eliminate=eliminate)
    part_for(loaded.model, outputs)
    compiled = clock.perf_counter()
    options: dict[str, Any] = {
        "time": span,
        "params": loaded.params or None,
        "inputs": loaded.inputs or None,
        "rtol": rtol,
        "atol": atol,
        "method": method,
        "linear": linear,
        "points": points,
        "saveat": times,
        "outputs": outputs,
    }
    given = {name: value for name, value in options.items() if value is not None}
    with progress("solving") as tell:
        try:
            solution = loaded.model.simulate(**given, progress=tell)
        except ValueError as error:
            raise Failure(str(error)) from None
    solved = clock.perf_counter()

    written = []
    with _told_once():
        if out is not None:
            with progress("writing"):
                write_solution(solution, out)
            written.append(out)
        if picture is not None:
            from stiffdsl.report.solution import plot_solution

            with progress("drawing"), writing(picture):
                plot_solution(solution, path=picture)
            written.append(picture)
        report = solution_report(loaded.model, solution, compiled - start, solved - compiled, written)
    for warning in report["warnings"]:
        say(f"warning: {warning}")
    for path in written:
        if path != "-":
            say(f"wrote {path}")
    if verbose:
        say(f"start of {loaded.model.name}:\n{solution.start}")
    if not succeeded(solution):
        raise Failure(failure_text(solution), report)
    if as_json:
        write_json(report)
    elif out != "-":
        from stiffdsl.report.tables import solution_table

        print_rich(solution_table(report))


def check_picture(path: str) -> None:
    if Path(path).suffix.lower() not in PICTURES:
        raise click.UsageError(f"{path}: a picture's ending must be one of {', '.join(PICTURES)}")
    writable(path)


def solution_report(
    model: Any, solution: Any, compiling: float, solving: float, written: list[str]
) -> dict[str, Any]:
    """The report of a solve: how it ended, what it cost, and where every declared variable went."""
    import numpy as np

    units = solution.view.units
    reached = solution.extremes()
    columns = (reached.first, reached.last, reached.least, reached.greatest)
    values = zip(*(column.tolist() for column in columns), strict=True)
    variables = [
        {"name": name, "unit": units.get(name)}
        | (dict(zip(EXTREMES, row, strict=True)) if len(solution.t) else {})
        for name, row in zip(solution.names, values, strict=True)
    ]
    t = np.asarray(solution.t)
    return {
        "model": model.name,
        "status": status_word(solution),
        "reason": str(solution.reason),
        "time": [t[0], t[-1]] if len(t) else [],
        "points": len(t),
        "stats": dict(solution.stats),
        "seconds": {"compile": compiling, "solve": solving},
        "start": None
        if solution.start is None
        else solution.start.to_dict() | {"summary": solution.start.summary},
        "variables": variables,
        "warnings": _warnings(solution.names, reached.undefined_since),
        "written": written,
    }


@contextmanager
def _told_once() -> Iterator[None]:
    """The report names all variables that are not numbers; reading them one by one need not."""
    from stiffdsl.solve.solution import NotANumberWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotANumberWarning)
        yield


def _warnings(names: list[str], since: Any) -> list[str]:
    """One warning for each time from which variables are not numbers though the states are."""
    import numpy as np

    from stiffdsl.solve.solution import undefined_text

    wrong = np.flatnonzero(~np.isnan(since))
    times = np.unique(since[wrong])
    return [undefined_text([names[k] for k in wrong[since[wrong] == at]], float(at)) for at in times]


def succeeded(solution: Any) -> bool:
    return status_word(solution) in ("success", "stopped")


def status_word(solution: Any) -> str:
    return str(getattr(solution.status, "name", solution.status)).lower()


def failure_text(solution: Any) -> str:
    """Why the solve ended early, how far it came, and what to try."""
    t = solution.t
    reached = f"; the solution is known up to time = {float(t[-1]):.6g}" if len(t) else ""
    return f"the solve failed: {solution.reason}{reached}"


def check_method(method: str | None) -> None:
    """Raises UsageError for a name that is no method."""
    from stiffdsl.solve.options import METHODS

    if method is not None and method not in ("auto", *METHODS):
        hint = did_you_mean(method, METHODS)
        raise click.UsageError(
            f"there is no method `{method}`; {hint or 'there are auto, ' + ', '.join(METHODS)}"
        )


def check_linear(linear: str | None) -> None:
    """Raises UsageError for a name that is no linear solver."""
    from stiffdsl.solve.options import LINEAR, unknown_linear

    if linear is not None and linear not in ("auto", *LINEAR):
        raise click.UsageError(unknown_linear(linear))
