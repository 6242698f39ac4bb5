"""Standard output and standard error: who may write what, and when there is progress to see."""

import json
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

# Seconds between the lines that long work writes where there is no terminal.
LOG_EVERY = 30.0


def say(message: str) -> None:
    """A message for the person at the terminal: standard error, never part of a report."""
    click.echo(message, err=True)


def write(text: str) -> None:
    """A piece of the report: standard output."""
    click.echo(text)


def write_json(report: Mapping[str, Any]) -> None:
    """The report as one JSON object that says `"ok": true` unless it says otherwise itself.

    NaN and infinity, which JSON lacks, become null.
    """
    _write_object({"ok": True, **report})


def write_failure(
    code: str, message: str, diagnostics: Sequence[Mapping[str, Any]], report: Mapping[str, Any]
) -> None:
    """The JSON object of a command that did not end well: the error, and what was known of the report."""
    error = {"code": code, "message": message, "diagnostics": list(diagnostics)}
    _write_object({"ok": False, "error": error, **report})


def _write_object(report: Mapping[str, Any]) -> None:
    click.echo(json.dumps(plain(dict(report)), indent=2, allow_nan=False, ensure_ascii=False))


def plain(value: Any) -> Any:
    """`value` made of what JSON has; NumPy scalars and arrays, tuples and named tuples are taken apart."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return str(value)


def print_rich(renderable: object) -> None:
    """A rich renderable: coloured and fitted on a terminal, plain and never cut when piped."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console().print(renderable)
        return
    console = Console(width=10_000, color_system=None)
    with console.capture() as captured:
        console.print(renderable)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


@contextmanager
def progress(first: str, every: float = LOG_EVERY) -> Iterator[Callable[[str], None]]:
    """Shows what is being done; yields a function that changes the text. Without a terminal, long work writes a line
    `every` so many seconds.
    """
    if not sys.stderr.isatty():
        with _log(first, every) as change:
            yield change
        return
    from rich.console import Console

    with Console(stderr=True).status(first) as status:
        yield status.update


@contextmanager
def _log(first: str, every: float) -> Iterator[Callable[[str], None]]:
    """Writes the text that is current to standard error `every` so many seconds."""
    begin, current, over = time.monotonic(), [first], threading.Event()

    def write_lines() -> None:
        while not over.wait(every):
            say(f"{current[0]} ({time.monotonic() - begin:.0f} s)")

    writer = threading.Thread(target=write_lines, daemon=True)
    writer.start()
    try:
        yield lambda text: current.__setitem__(0, text)
    finally:
        over.set()
