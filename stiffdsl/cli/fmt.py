"""`stiffdsl fmt FILE...`: canonical layout, comments kept."""

import difflib
from pathlib import Path

import click

from stiffdsl.cli.failure import FAILED, Failure
from stiffdsl.cli.files import model_files, read_source, writing
from stiffdsl.cli.terminal import say, write
from stiffdsl.diagnostics import ModelError


@click.command(short_help="Lay model files out in the canonical form.")
@click.argument("files", metavar="[FILE|FOLDER]...", nargs=-1)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; status 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
def fmt(files: tuple[str, ...], only_check: bool, diff: bool) -> int:
    """Rewrite every FILE, or all files of a FOLDER, in the canonical layout; comments stay.

    Without one, all files of the working folder; `-` formats standard input.
    """
    from stiffdsl.syntax.format import format_source

    changed = 0
    found = model_files(files or ["."])
    wrong = 0
    for file in found:
        try:
            source = read_source(file, library=False)
            text = format_source(source)
        except ModelError as error:
            say(str(error))
            wrong += 1
            continue
        except Failure as error:
            say(f"error: {error}")
            wrong += 1
            continue
        if file == "-" and not (only_check or diff):
            click.echo(text, nl=False)
            continue
        if text == source.text:
            continue
        changed += 1
        if diff:
            old, new = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
            click.echo("".join(difflib.unified_diff(old, new, file, f"{file} (formatted)")), nl=False)
        elif only_check:
            write(f"would format {file}")
        else:
            with writing(file):
                Path(file).write_text(text, encoding="utf-8")
            write(f"formatted {file}")
    if len(found) > 1 and not diff:
        word = "would be formatted" if only_check else "formatted"
        parts = (
            (changed, word),
            (len(found) - changed - wrong, "already formatted"),
            (wrong, "with mistakes"),
        )
        write(", ".join(f"{n} {'file' if n == 1 else 'files'} {told}" for n, told in parts if n))
    return FAILED if wrong or (changed and (only_check or diff)) else 0
