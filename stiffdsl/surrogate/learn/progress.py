"""Progress of a training in words: how many runs are solved, and about how long the others take."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stiffdsl.surrogate.core.task import Progress, Task

Tell = Callable[[str], None]

# What is told sooner than this was there before, and says nothing about the pace.
_AT_ONCE = 0.01


def silent(text: str) -> None:
    """Tells nobody."""


def telling(task: Task, tell: Tell) -> Task:
    """`task`, whose solves are told as they come: `solving runs: 96 of 144, about 12 s left`."""

    def solve_many(values: np.ndarray, progress: Progress):
        count, begin = len(values), time.perf_counter()
        base = 0.0

        def told(share: float) -> None:
            nonlocal base
            spent = time.perf_counter() - begin
            if spent < _AT_ONCE:
                base = share
            left = (1.0 - share) * spent / (share - base) if share > base else None
            tell(
                f"solving runs: {round(share * count):,} of {count:,}"
                + (f", about {duration(left)} left" if left else "")
            )
            progress(share)

        told(0.0)
        return task.solve_many(values, told)

    return replace(task, solve_many=solve_many)


def duration(seconds: float) -> str:
    """A length of time as people say it: `8 s`, `3 min`, `2 h 10 min`."""
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
