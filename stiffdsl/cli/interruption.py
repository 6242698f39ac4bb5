"""Ctrl-C: the command ends soon with status 130, wherever it was, and tells what it has."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from stiffdsl.cli.failure import INTERRUPTED

# Seconds after which a command that did not notice is ended: compilers cannot be interrupted, and what is raised in the
# midst of a callback may get lost.
PATIENCE = 5.0

_pressed: threading.Timer | None = None
_kept: Callable[[], str] | None = None


class Stopped(Exception):
    """Ctrl-C in work of which something is kept, or not: `lines` say what, and how to go on; `report` is what is known
    all the same."""

    def __init__(self, lines: str, report: dict[str, object] | None = None):
        super().__init__(lines)
        self.lines = lines.splitlines()
        self.report = report or {}

    @property
    def text(self) -> str:
        """The message at the terminal: what is kept stands below the word, indented."""
        return told("\n".join(self.lines))

    @property
    def message(self) -> str:
        """The message in one line."""
        *before, last = self.lines or [""]
        joined = (
            "".join(line.strip() + (" " if line.endswith(":") else "; ") for line in before) + last.strip()
        )
        return f"interrupted; {joined}" if joined else "interrupted"


def told(lines: str) -> str:
    return "\n".join(["interrupted", *(f"  {line}" for line in lines.splitlines())])


@contextmanager
def telling(kept: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C inside tells what `kept` says."""
    global _kept
    _kept = kept
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(kept()) from None
    finally:
        _kept = None


def watch() -> None:
    """From now on Ctrl-C raises `KeyboardInterrupt`, and ends the process where that does not; the second one does."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _press)
        sys.unraisablehook = _lost


def noticed() -> None:
    """Says that the command is ending by itself, and may take its time."""
    if _pressed is not None:
        _pressed.cancel()


def leave() -> None:
    """Ends the process without taking apart what threads of XLA may still be computing with."""
    for stream in (sys.stdout, sys.stderr):
        # The reader may have left.
        with suppress(OSError):
            stream.flush()
    os._exit(INTERRUPTED)


def _lost(event: Any) -> None:
    """Hook for exceptions that get lost in Python's callbacks: an interruption there ends the process later."""
    if not issubclass(event.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(event)


def _press(number: int, frame: object) -> None:
    global _pressed
    if _pressed is not None:
        _end()
    _pressed = threading.Timer(PATIENCE, _end)
    _pressed.daemon = True
    _pressed.start()
    raise KeyboardInterrupt


def _end() -> None:
    text = "interrupted"
    if _kept is not None:
        with suppress(Exception):
            text = told(_kept())
    os.write(2, f"{text}\n".encode())
    os._exit(INTERRUPTED)
