"""Notes on tables that inputs were given and that do not reach over a run: their ends are held there."""

from collections.abc import Iterable, Sequence

import numpy as np
from jax.core import Tracer

from stiffdsl.runtime.driving.inputs import Signal
from stiffdsl.runtime.driving.series import NEAR

# Inputs that a note names.
NAMED = 4


def held_ends(signals: Iterable[Signal], given: Iterable[str], start: float, end: float) -> list[str]:
    """A sentence for the inputs `given` as tables that end before a run from `start` to `end` does, and one for those
    that begin after it. Files that the model names say themselves what they are outside."""
    given = tuple(given)
    low, high = min(start, end), max(start, end)
    early: dict[float, list[str]] = {}
    late: dict[float, list[str]] = {}
    for signal in signals:
        if signal.times is None or isinstance(signal.times, Tracer) or not _among(signal.name, given):
            continue
        times = np.asarray(signal.times)
        first, last = float(times[0]), float(times[-1])
        near = NEAR * max(last - first, high - low)
        if high > last + near:
            early.setdefault(last, []).append(signal.name)
        if low < first - near:
            late.setdefault(first, []).append(signal.name)
    return [_told(names, ("end", "last", "from there on"), at, high) for at, names in early.items()] + [
        _told(names, ("begin", "first", "until there"), at, low) for at, names in late.items()
    ]


def _among(name: str, given: Sequence[str]) -> bool:
    """Whether an input was given by its name, or by that of its bundle."""
    return any(name == one or name.startswith(f"{one}.") for one in given)


def _told(names: list[str], words: tuple[str, str, str], at: float, limit: float) -> str:
    what, which, where = words
    names = list(dict.fromkeys(names))
    many = len(names) > 1
    listed = ", ".join(f"`{name}`" for name in names[:NAMED])
    listed += f" and {len(names) - NAMED} more" * (len(names) > NAMED)
    held = f"their {which} values are held" if many else f"its {which} value is held"
    return (
        f"the figures of the input{'s' * many} {listed} {what} at {at:.10g} s, and the run {what}s at {limit:.10g} s: "
        f"{held} {where}"
    )
