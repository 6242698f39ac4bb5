"""Ctrl-C: the command ends soon with status 130, wherever it was, and tells what it has."""

import os
import signal
import sys
import threading
from contextlib import suppress

from stiffdsl.cli.failure import INTERRUPTED

# Seconds after which a command that did not notice is ended: compilers cannot be interrupted, and what is raised in the
# midst of a callback may get lost.
PATIENCE = 5.0

_pressed: threading.Timer | None = None


def watch() -> None:
    """From now on Ctrl-C raises `KeyboardInterrupt`, and ends the process where that does not; the second one does."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _press)


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


def _press(number: int, frame: object) -> None:
    global _pressed
    if _pressed is not None:
        os._exit(INTERRUPTED)
    _pressed = threading.Timer(PATIENCE, _end)
    _pressed.daemon = True
    _pressed.start()
    raise KeyboardInterrupt


def _end() -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
