"""`stiffdsl compile FILE`: what the compiler made of a model; with `-o`, an importable Python module."""

import click

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import writing
from stiffdsl.cli.loading import load, part_for
from stiffdsl.cli.options import (
    Setting,
    eliminate_option,
    file_argument,
    json_option,
    model_option,
    outputs_option,
    set_option,
)
from stiffdsl.cli.terminal import print_rich, say, write_json


@click.command("compile", short_help="Compile a model and report what became of it.")
@file_argument
@model_option
@set_option
@click.option(
    "-o",
    "--output",
    metavar="DIR|FILE.py",
    help="Write an importable Python module with the model's functions.",
)
@outputs_option
@eliminate_option
@json_option
def compile_command(
    file: str,
    model: str | None,
    settings: tuple[Setting, ...],
    output: str | None,
    outputs: tuple[str, ...] | None,
    eliminate: bool,
    as_json: bool,
) -> None:
    """Parse, simplify and generate FILE, and report it.

    Prints equations and unknowns before and after, blocks, tears, Jacobian, index and the time of every
    stage.
    """
    compiled = part_for(load(file, model, settings, eliminate=eliminate).model, outputs)
    report = dict(compiled.report)
    if output is not None:
        with writing(output):
            try:
                report["written"] = str(compiled.write(output))
            except ValueError as error:  # what a module cannot hold
                raise Failure(str(error)) from None
    if as_json:
        write_json(report)
        return
    from stiffdsl.report.tables import compile_report

    print_rich(compile_report(report))
    if output is not None:
        say(f"wrote {report['written']}")
