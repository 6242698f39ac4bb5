"""Times at equal error: what a solver needs to be as exact as another one, from its solves at some tolerances."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple


class WorkPrecisionPoint(NamedTuple):
    """The error and the seconds of a solve at one tolerance."""

    error: float
    seconds: float


def frontier(points: Iterable[WorkPrecisionPoint]) -> list[WorkPrecisionPoint]:
    """The points that no other is both faster and as exact as, from the largest error to the smallest."""
    kept: list[WorkPrecisionPoint] = []
    for point in sorted(points):
        if not kept or point.seconds < kept[-1].seconds:
            kept.append(point)
    return kept[::-1]


def seconds_at(points: Sequence[WorkPrecisionPoint], error: float) -> float | None:
    """The least seconds to an error of at most `error`: straight between logarithms. None where none of the solves was
    so exact; where all were more exact, the fastest of them."""
    best = frontier(points)
    if not best or error < best[-1].error:
        return None
    if error >= best[0].error:
        return best[0].seconds
    for above, below in pairwise(best):
        if below.error <= error <= above.error:
            share = math.log(above.error / error) / math.log(above.error / below.error)
            return above.seconds * (below.seconds / above.seconds) ** share
    raise AssertionError("the frontier falls from error to error")
