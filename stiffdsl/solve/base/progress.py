"""Progress of long work, told to a function of the caller's or shown on standard error."""

import sys
import time
from collections.abc import Callable
from typing import Any

from stiffdsl.solve.base.arguments import told

# Seconds between two texts on a terminal, and between two lines where there is none.
TERMINAL, LOG = 0.1, 30.0


def caller(value: Any, what: str) -> Callable[..., Any] | None:
    """The function that is told how far something is: the one given, for true one that shows it, else None."""
    if value is None or value is False:
        return None
    if value is True:
        return _shown()
    if not callable(value):
        raise TypeError(f"{what} takes true or a function, not {told(value)}")
    return value


def _shown() -> Callable[[str | float], None]:
    begin = time.monotonic()
    last = [begin - TERMINAL, 0]

    def show(state: str | float) -> None:
        now, terminal = time.monotonic(), sys.stderr.isatty()
        text = state if isinstance(state, str) else f"{state:.0%}"
        over = not isinstance(state, str) and state >= 1.0
        if now - last[0] < (TERMINAL if terminal else LOG) and not over:
            return
        last[0] = now
        if terminal:
            sys.stderr.write("\r" + text.ljust(int(last[1])) + ("\n" if over else ""))
            last[1] = len(text)
        else:
            sys.stderr.write(f"{text} ({now - begin:.0f} s)\n")
        sys.stderr.flush()

    return show
