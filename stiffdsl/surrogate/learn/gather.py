"""The three sets of solves a surrogate is made from: to learn, to calibrate, to test; and more to learn from."""

import time
from dataclasses import dataclass, replace

import numpy as np

from stiffdsl.surrogate.core import sampling
from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.task import Progress, Task
from stiffdsl.surrogate.learn import adapt
from stiffdsl.surrogate.methods.expansion.prepare import prepare

LEAST_SAMPLES = 4
# At least so many samples calibrate the intervals, and as many test: 19 are what a 95 % interval needs.
LEAST_HELD_OUT = 40
# With inputs over time a sample says something at each of its times: fewer of them are held out.
_DRIVEN_SHARE = 4
# The samples that every round of adaptive sampling adds, as a share of those that are there.
_GROWTH = 0.5
_LEAST_ROUND = 8


@dataclass(frozen=True, eq=False)
class Data:
    """The three sets of solved samples, and the seconds that one trajectory of a batch took."""

    training: Samples
    calibration: Samples
    test: Samples
    seconds: float

    @property
    def every(self) -> tuple[Samples, Samples, Samples]:
        return self.training, self.calibration, self.test

    @property
    def samples(self) -> int:
        """The number of training samples tried, failed ones included."""
        return len(self.training) + len(self.training.failed)


def first(task: Task, samples: int, held_out: int | None, seed: int, design: str, tell: Progress) -> Data:
    """The first solves. Raises `ValueError` where too few of them succeed."""
    if held_out is None:
        held_out = max(samples // (_DRIVEN_SHARE if task.drives else 1), LEAST_HELD_OUT)
    points = _of_one_width(
        sampling.training_points(task, samples, seed, design),
        sampling.held_out_points(task, held_out, seed, 1),
        sampling.held_out_points(task, held_out, seed, 2),
    )
    begin = time.perf_counter()
    whole = task.solve_many(np.concatenate(points), tell)
    seconds = (time.perf_counter() - begin) / sum(map(len, points))
    sets = []
    done = 0
    for values in points:
        own = slice(done, done + len(values))
        sets.append(sampling.sorted_out(task, values, whole[0][own], whole[1][own], whole[2][own]))
        done += len(values)
    if len(sets[0]) < LEAST_SAMPLES or not len(sets[1]) or not len(sets[2]):
        failed = sum(len(s.failed) for s in sets)
        why = next((r for s in sets for r in s.reasons), "")
        raise ValueError(
            f"a surrogate needs at least {LEAST_SAMPLES} samples that can be solved; {failed} of {done} failed"
            + (f" ({why})" if why else "")
        )
    training, calibration, test = sets
    return Data(training, calibration, test, seconds)


def _of_one_width(*rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows of values, filled up with deviations of zero: inputs that bend at knots alone."""
    most = max(r.shape[1] for r in rows)
    return tuple(np.pad(r, ((0, 0), (0, most - r.shape[1]))) for r in rows)


def more(task: Task, data: Data, most: int, seed: int, tell: Progress) -> Data:
    """With another round of training samples, `most` in all at the most, where the error is largest."""
    count = min(max(_LEAST_ROUND, int(_GROWTH * data.samples)), most - data.samples)
    values = adapt.points(task, prepare(task, data.training, seed), data.training, count, seed)
    added = sampling.solve(task, values, tell)
    return replace(data, training=sampling.joined(data.training, added))
