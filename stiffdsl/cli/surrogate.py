"""`stiffdsl surrogate FILE`: a fast stand-in for a model, with its error and the domain where that holds."""

import shlex
import sys
import time as clock
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import writable, writable_folder, writing
from stiffdsl.cli.interruption import telling
from stiffdsl.cli.loading import converted, elements, load, rows_of, unknown_name
from stiffdsl.cli.options import (
    ChoiceType,
    PositiveType,
    Setting,
    ShareType,
    Variation,
    VariationType,
    eliminate_option,
    file_argument,
    json_option,
    model_option,
    set_option,
    time_option,
)
from stiffdsl.cli.terminal import print_rich, progress, say, write_json
from stiffdsl.diagnostics import did_you_mean

# Seconds that pictures and the report are expected to take, and that a training has however small the budget.
LEAST_REPORT, MOST_REPORT, LEAST_TRAINING = 3.0, 15.0, 0.1


def methods() -> Sequence[str]:
    from stiffdsl.surrogate.methods.registry import names
    from stiffdsl.surrogate.part.methods import METHODS

    return tuple(dict.fromkeys((*names(), *METHODS)))


@click.command(short_help="Train a fast stand-in for a model.")
@file_argument
@model_option
@set_option
@eliminate_option
@click.option(
    "--vary",
    "variations",
    type=VariationType(),
    multiple=True,
    help="A parameter, an input over time or the start value of a state, and the range to cover: k1=0.02..0.06, "
    "T0=10..30[degC], or the name alone for the range that the model declares. Repeatable; otherwise all parameters "
    "that have a range.",
)
@click.option(
    "--method",
    type=ChoiceType(methods),
    help="The kind of surrogate: lpctesn, or npctesn where an input varies over time. Of a part: auto, which tries "
    "balanced, lpctesn and npctesn.",
)
@time_option
@click.option(
    "--points",
    type=click.IntRange(min=8),
    help="How many times to learn; otherwise as the experiment says, or 200 (with inputs over time, steps that data "
    "come in).",
)
@click.option(
    "--saveat",
    metavar="FILE",
    help="The times to learn: one a line, or the first column of a CSV file, such as that of the data to come.",
)
@click.option(
    "--part",
    metavar="NAME",
    help="Replace this part alone, such as plant.chiller or rooms[3]: the connectors stay, and the whole is written "
    "with it.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=4),
    help="Runs of the full model to learn from: 64, or 512 with inputs; 48 for a part.",
)
@click.option(
    "--goal",
    type=ShareType(),
    help="A worst relative error, 1% or 0.01: runs are added where the error is largest until it is met. "
    "Of a part: it gets as few states as meet it.",
)
@click.option(
    "--budget",
    type=PositiveType(),
    metavar="SECONDS",
    help="Seconds for the whole command: reading, runs, fits, measurements and the report. Rounds of runs are added as "
    "long as all is expected to end in time; the first round is made in any case.",
)
@click.option(
    "--max-samples",
    type=click.IntRange(min=4),
    default=1024,
    show_default=True,
    help="The most runs that --goal and --budget add up to.",
)
@click.option(
    "--sampling",
    type=click.Choice(("sobol", "lhs")),
    default="sobol",
    show_default=True,
    help="How the first runs are spread: a Sobol sequence or a Latin hypercube.",
)
@click.option(
    "--distribution",
    type=click.Choice(("uniform", "log")),
    default="uniform",
    show_default=True,
    help="What errors are stated for: values drawn evenly over the ranges, or evenly in the logarithm of wide ones.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed: same surrogate."
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    help="Where to save it, and its runs as they come; otherwise `<model>-surrogate` here.",
)
@click.option("--report", "page", metavar="R.html", help="Where to write the report; otherwise in DIR.")
@json_option
def surrogate(
    file: str,
    model: str | None,
    settings: tuple[Setting, ...],
    eliminate: bool,
    variations: tuple[Variation, ...],
    method: str | None,
    span: tuple[float, float] | None,
    points: int | None,
    saveat: str | None,
    part: str | None,
    samples: int | None,
    goal: float | None,
    budget: float | None,
    max_samples: int,
    sampling: str,
    distribution: str,
    seed: int,
    output: str | None,
    page: str | None,
    as_json: bool,
) -> None:
    """Sample FILE over the ranges, train, validate on samples held out, and save the surrogate.

    Prints the error against the full model, the speed-up for one run and for a batch, and the domain. Runs are
    stored in DIR/samples as they come: started again after an interruption, the command goes on where it was.

    With --part a component of a larger model is replaced by its surrogate: DIR holds that component and the whole with
    it, as files of the language.
    """
    begun = clock.perf_counter()
    if method not in (None, "auto", *methods()):
        hint = did_you_mean(str(method), methods())
        raise click.UsageError(f"there is no surrogate method `{method}`" + (f"; {hint}" if hint else ""))
    if page is not None:
        writable(page)
    loaded = load(file, model, settings, eliminate=eliminate)
    full = loaded.model
    vary = ranges(full, variations) if part is None or variations else None
    times = times_to_learn(full, span, points, saveat)
    default = "-".join([full.name, *([part] if part is not None else []), "surrogate"])
    folder = Path(output if output is not None else default)
    writable_folder(folder)

    with progress("sampling") as tell, telling(lambda: kept(folder / "samples")):
        try:
            trained = full.surrogate(
                vary=vary,
                method=method,
                samples=samples,
                seed=seed,
                params=loaded.params,
                inputs=loaded.inputs,
                time=span,
                times=times,
                goal=goal,
                budget=None if budget is None else _for_training(budget, clock.perf_counter() - begun),
                max_samples=max_samples,
                design=sampling,
                distribution=distribution,
                resume=folder / "samples",
                progress=tell,
                part=part,
            )
        except ValueError as error:
            raise Failure(str(error)) from error
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
        domain = trained.validation["domain"] if vary is None else vary
        write_json(
            _summary(trained, full.report["name"], seed, domain)
            | {"folder": str(folder), "report": str(page_path)}
        )
    else:
        _say_result(trained, folder, page_path, part)


def _for_training(budget: float, spent: float) -> float:
    """The seconds of a budget that are left to the training: pictures and the report take half as long again as it took
    to read the model, on this machine as busy as it is."""
    return max(budget - spent - min(max(1.5 * spent, LEAST_REPORT), MOST_REPORT), LEAST_TRAINING)


def _summary(trained: Any, name: str, seed: int, domain: Any) -> dict[str, Any]:
    """The result for `--json`: the method, the verdict, errors, and the domain."""
    verdict = trained.verdict
    return {
        "model": name,
        "method": trained.method,
        "verdict": {"good": verdict.good, "sentence": verdict.sentence, "try": verdict.advice},
        "samples": trained.validation["samples"]["training"],
        "seed": seed,
        "validation": trained.validation,
        "domain": domain,
    }


def _say_result(trained: Any, folder: Path, page: Path, part: str | None) -> None:
    """Prints the table of errors, the files written, and advice where the surrogate falls short."""
    from stiffdsl.report.tables import validation_table

    print_rich(validation_table(trained))
    if part is not None:
        from stiffdsl.surrogate.part.part_surrogate import texts_of

        states = trained.validation["states"]
        component, whole = (folder / name for name in texts_of(trained))
        say(
            f"{states['part']} states of `{trained.part}` became {states['surrogate']}: {component}\n"
            f"the whole with it compiles as any model: {whole}"
        )
        if states["surrogate"] > states["part"]:
            say(
                "it has more states than the part: not worth it, but where --goal or a smaller range make it smaller"
            )
    met = trained.validation["goal"]
    if met is not None and not met["met"]:
        ways = "more --samples, --budget or a smaller range" if part is None else "a smaller range"
        say(f"the goal of {100 * met['worst']:.3g} % was not met: {ways} may help")
    say(f"wrote {folder} (surrogate, validation.png, samples) and {page}")


def times_to_learn(
    model: Any, span: tuple[float, float] | None, points: int | None, saveat: str | None
) -> Any | None:
    """The times given by their number or in a file; None where neither is."""
    if points is not None and saveat is not None:
        raise click.UsageError("--points and --saveat exclude each other: both say which times to learn")
    if saveat is not None:
        from stiffdsl.cli.results import read_times

        return read_times(saveat)
    if points is None:
        return None
    from stiffdsl.runtime.run.times import interval, spread

    try:
        return spread(model, *interval(model, span), points)
    except ValueError as error:
        raise Failure(str(error)) from error


def ranges(model: Any, variations: tuple[Variation, ...]) -> dict[str, tuple[float, float]]:
    """Ranges of the varied quantities, by name: those given, or those that parameters declare."""
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
        if not names and (variation.name in model.input_names or variation.name in model.variable_names):
            names = [variation.name]
        if not names:
            tables = {"params": parameters, "inputs": rows_of(model.inputs)}
            raise click.UsageError("--vary: " + unknown_name(variation.name, model, tables))
        vary |= {name: _bounds(model, name, variation) for name in names}
    return vary


def _bounds(model: Any, name: str, variation: Variation) -> tuple[float, float]:
    """The range of one varied quantity in its declared unit: as given, else that of its declaration."""
    blocks = (
        n.find(name).block
        for n in (model.parameter_names, model.input_names, model.variable_names)
        if name in n
    )
    unit = next(blocks).unit
    if variation.range is not None:
        low, high = (converted(name, end, variation.unit, unit) for end in variation.range)
        return low, high
    declared = model.ranges.get(name)
    if declared is None and name in model.input_names:
        inputs = rows_of(model.inputs)
        declared = inputs[name if name in inputs else elements(name, inputs)[0]].range
    if declared is None:
        raise click.UsageError(
            f"--vary {name}: the model declares no range for it; give one, as in --vary '{name}=1..5"
            + (f"[{unit}]'" if unit else "'")
        )
    return declared


def kept(folder: Path) -> str:
    """The note on an interrupted training: runs that are kept, and the command that resumes it."""
    from stiffdsl.surrogate.learn.sample_store import stored

    runs = stored(folder)
    if not runs:
        return "no run was finished yet: nothing is kept"
    command = shlex.join(["stiffdsl", *sys.argv[1:]])
    return f"kept: {runs:,} runs, in {folder}\nthe same command goes on from there:\n  {command}"
