"""`stiffdsl inspect FILE`: the structure of a model, as numbers and as a picture."""

import click

from stiffdsl.cli.files import writable, writing
from stiffdsl.cli.loading import load
from stiffdsl.cli.options import Setting, file_argument, json_option, model_option, set_option
from stiffdsl.cli.terminal import print_rich, progress, say, write_json


@click.command(short_help="Show the structure of a model: incidence, blocks, Jacobian.")
@file_argument
@model_option
@set_option
@click.option(
    "--plot", "picture", metavar="P.png", help="Draw incidence before and after, block form and Jacobian."
)
@json_option
def inspect(
    file: str, model: str | None, settings: tuple[Setting, ...], picture: str | None, as_json: bool
) -> None:
    """Report the structure that the compiler found in FILE: states, loops, the Jacobian's shape."""
    if picture is not None:
        writable(picture)
    loaded = load(file, model, settings)
    report = dict(loaded.model.report)
    if picture is not None:
        from stiffdsl.report.structure import plot_structure

        with progress("drawing"), writing(picture):
            plot_structure(loaded.model, picture)
        report["picture"] = picture
    if as_json:
        write_json(report)
        return
    from stiffdsl.report.tables import structure_report

    print_rich(structure_report(loaded.model))
    if picture is not None:
        say(f"wrote {picture}")
