"""`stiffdsl inspect FILE`: the structure of a model, as numbers and as a picture."""

import click

from stiffdsl.cli.files import writable, writing
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
from stiffdsl.cli.terminal import print_rich, progress, say, write_json


@click.command(short_help="Show the structure of a model: incidence, blocks, Jacobian.")
@file_argument
@model_option
@set_option
@click.option(
    "--plot", "picture", metavar="P.png", help="Draw incidence before and after, block form and Jacobian."
)
@outputs_option
@eliminate_option
@json_option
def inspect(
    file: str,
    model: str | None,
    settings: tuple[Setting, ...],
    picture: str | None,
    outputs: tuple[str, ...] | None,
    eliminate: bool,
    as_json: bool,
) -> None:
    """Report what the compiler found in FILE and made of it: states, loops, conserved quantities, the Jacobian."""
    from stiffdsl.report.structure import structure_facts

    if picture is not None:
        writable(picture)
    compiled = part_for(load(file, model, settings, eliminate=eliminate).model, outputs)
    with progress("looking for conserved quantities"):
        report = structure_facts(compiled)
    if picture is not None:
        from stiffdsl.report.structure import plot_structure

        with progress("drawing"), writing(picture):
            plot_structure(compiled, picture)
        report["picture"] = picture
    if as_json:
        write_json(report)
        return
    from stiffdsl.report.tables import structure_report

    print_rich(structure_report(report))
    if picture is not None:
        say(f"wrote {picture}")
