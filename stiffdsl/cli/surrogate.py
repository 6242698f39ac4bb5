"""`stiffdsl surrogate FILE`: a fast stand-in for a model, with its error and the domain where that holds."""

from pathlib import Path
from typing import Any

import click

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import writable, writable_folder, writing
from stiffdsl.cli.loading import elements, load, rows_of, unknown_name
from stiffdsl.cli.options import (
    Setting,
    Variation,
    VariationType,
    file_argument,
    json_option,
    model_option,
    set_option,
)
from stiffdsl.cli.terminal import print_rich, progress, say, write_json

METHODS = ("lpctesn", "npctesn", "neural", "rbf", "auto")


@click.command(short_help="Train a fast stand-in for a model.")
@file_argument
@model_option
@set_option
@click.option(
    "--vary",
    "variations",
    type=VariationType(),
    multiple=True,
    help="A parameter and the range to cover: k1=0.02..0.06. Repeatable; otherwise all that have a range.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="lpctesn",
    show_default=True,
    help="The kind of surrogate.",
)
@click.option(
    "--samples", type=click.IntRange(min=4), default=64, show_default=True, help="Runs of the full model."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed: same surrogate."
)
@click.option("-o", "--output", metavar="DIR", help="Where to save it; otherwise `<model>-surrogate` here.")
@click.option("--report", "page", metavar="R.html", help="Where to write the report; otherwise in DIR.")
@json_option
def surrogate(
    file: str,
    model: str | None,
    settings: tuple[Setting, ...],
    variations: tuple[Variation, ...],
    method: str,
    samples: int,
    seed: int,
    output: str | None,
    page: str | None,
    as_json: bool,
) -> None:
    """Sample FILE over the ranges, train, validate on samples held out, and save the surrogate.

    Prints the error against the full model, the speed-up for one run and for a batch, and the domain.
    """
    if page is not None:
        writable(page)
    loaded = load(file, model, settings)
    full = loaded.model
    vary = ranges(full, variations)
    folder = Path(output if output is not None else f"{full.report['name']}-surrogate")
    writable_folder(folder)

    with progress(f"sampling {samples} runs") as tell:
        trained = full.surrogate(
            vary=vary, method=method, samples=samples, seed=seed, params=loaded.params, progress=tell
        )
    with progress("saving"):
        with writing(folder):
            trained.save(str(folder))
        from stiffdsl.report.page import write_page
        from stiffdsl.report.surrogate import plot_validation

        picture = folder / "validation.png"
        page_path = Path(page) if page is not None else folder / "report.html"
        with writing(picture):
            plot_validation(trained, path=picture)
        with writing(page_path):
            write_page(trained, page_path)
    if as_json:
        write_json(
            {
                "model": full.report["name"],
                "method": method,
                "samples": samples,
                "seed": seed,
                "validation": trained.validation,
                "domain": vary,
                "folder": str(folder),
                "report": str(page_path),
            }
        )
        return
    from stiffdsl.report.tables import validation_table

    print_rich(validation_table(trained))
    say(f"wrote {folder} (surrogate, validation.png) and {page_path}")


def ranges(model: Any, variations: tuple[Variation, ...]) -> dict[str, tuple[float, float]]:
    """What to vary, by scalar name: as told, or every parameter that is declared with a range."""
    parameters = rows_of(model.parameters)
    if not variations:
        declared = model.ranges
        if not declared:
            raise Failure(
                "there is nothing to vary: no parameter of the model has a range\n"
                "  give one with --vary k1=0.02..0.06, or in the model: param k1 = 0.04 in 0.02..0.06"
            )
        return declared
    vary: dict[str, tuple[float, float]] = {}
    for variation in variations:
        names = [variation.name] if variation.name in parameters else elements(variation.name, parameters)
        if not names and variation.name in model.input_names:
            raise click.UsageError(f"`{variation.name}` is an input; a surrogate varies parameters")
        if not names:
            raise click.UsageError(unknown_name(variation.name, model, {"params": parameters}))
        vary |= dict.fromkeys(names, (variation.low, variation.high))
    return vary
