"""`stiffdsl show FILE --after STAGE`: what the model is at that point of the compiler."""

from importlib import import_module

import click

from stiffdsl.cli.files import read_source
from stiffdsl.cli.loading import compile_source, split_constants
from stiffdsl.cli.options import Setting, file_argument, model_option, set_option
from stiffdsl.cli.terminal import write

# The stage to compile to, and the module that prints its result.
_PRINTERS = {
    **{stage: (stage, f"stiffdsl.{stage}.show") for stage in ("syntax", "check", "flat", "graph", "program")},
    "runtime": ("runtime", "stiffdsl.runtime.export.show"),
    "kernel": ("program", "stiffdsl.native.show"),
}
STAGES = tuple(_PRINTERS)


@click.command(short_help="Print the model as it is after a stage of the compiler.")
@file_argument
@click.option("--after", "stage", type=click.Choice(STAGES), required=True, help="The stage to stop after.")
@model_option
@set_option
def show(file: str, stage: str, model: str | None, settings: tuple[Setting, ...]) -> None:
    """Print the representation of the model that a stage of the compiler makes.

    syntax: canonical text; check: inheritance merged, names resolved, SI units; flat: families of scalar
    equations; graph: solving order, states and loops; program: the array program; runtime: Python source;
    kernel: the passes from the program to machine code.
    """
    source = read_source(file)
    constants, rest = split_constants(source, model, list(settings))
    if rest:
        raise click.UsageError(f"`{rest[0].name}` is not a const of the model; show takes no other settings")
    compiled, printer = _PRINTERS[stage]
    representation = compile_source(source, model, constants, stop_after=compiled)
    text = import_module(printer).show(representation)
    write(text.rstrip("\n"))
