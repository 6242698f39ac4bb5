"""Sample points of the full model: quasi-random points for training, others for calibration, a third set for
the test.

Points are Sobol sequences (Joe and Kuo, SIAM J. Sci. Comput. 30, 2008), scrambled with the seed. Training
points are pulled towards the faces of the box, since an interpolant errs most where it is not surrounded by
data: on an interval the best density for a polynomial is that of the arcsine (Cohen and Migliorati, SMAI J.
Comput. Math. 3, 2017). In many dimensions nearly all of a box is near a face already, so the pull weakens.
Calibration and test points lie evenly in the box, as those that a user will draw (or evenly in the logarithm of wide
ranges, where the task says so): what is measured on them holds for the box and not for the training points. Over a
range that spans more than ten times every other training point is spread evenly in the logarithm, so that both ends
are learnt. They are a sequence of their own: of 128 that calibrate, what 95 % intervals of single outputs cover of
fresh samples then varies half as much as of random ones."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from stiffdsl.surrogate.core import signals
from stiffdsl.surrogate.core.between import Deviations, divided
from stiffdsl.surrogate.core.task import Progress, Task

# So many examples are enough for some to be kept out of training, to measure errors with.
_ENOUGH_EXAMPLES = 18
# A range that spans more than this factor is wide: it may be sampled evenly in its logarithm.
LOG_RATIO = 10.0


@dataclass(frozen=True, eq=False)
class Samples:
    """Solved points: `values` (n, d), `trajectories` (n, m, q), and what failed: its values (f, d) and reasons.

    Of inputs that bend between knots, `off` (n, drives, F) are the deviations there, at the task's `fine` times; None
    where none does.
    """

    values: np.ndarray
    trajectories: np.ndarray
    failed: np.ndarray
    reasons: tuple[str, ...]
    off: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def deviations(self, task: Task) -> Deviations | None:
        """The inputs between knots."""
        if self.off is None:
            return None
        return Deviations((task.fine,) * self.off.shape[1], tuple(self.off.swapaxes(0, 1)))

    def hidden(self, task: Task) -> np.ndarray:
        """(n,) how much inputs move between knots, where 1 is as much as is told."""
        if self.off is None:
            return np.zeros(len(self))
        width = np.array([d.high - d.low for d in task.drives])
        at = self.off[..., :: task.pieces]
        assert not at.any(), "at knots nothing is off"
        return (signals.hidden_of(self.off, task.times, task.pieces) / width).max(1)


def training_points(task: Task, count: int, seed: int, design: str = "sobol") -> np.ndarray:
    """(count, d) values, the middle of the box first; the first half of 2n points are the n points of the
    seed. `design` is `sobol`, or `lhs` for a Latin hypercube.
    """
    d = task.scalars
    unit = _sobol(d, count, seed) if design == "sobol" else _latin(d, count, seed)
    if not d:
        return with_signals(task, np.zeros((count, 0)), seed, 0)
    unit[0] = 0.5
    pull = min(1.0, 3.0 / d)
    arcsine = 0.5 - 0.5 * np.cos(np.pi * unit)
    spread = (1 - pull) * unit + pull * arcsine
    values = in_box(task, spread, logarithmic=True)
    if task.distribution == "uniform":
        values[1::2] = in_box(task, spread[1::2])
    return with_signals(task, values, seed, 0)


def held_out_points(task: Task, count: int, seed: int, number: int) -> np.ndarray:
    """(count, d or more) rows, evenly over the box: `number` 1 for calibration, 2 for the test.

    Both are halves of one Sobol sequence, so that what is measured on them, and on both, varies less by chance. Inputs
    bend between knots too, as those of users do, in every other row where they are drawn.
    """
    unit = _sobol(task.scalars, 2 * count, seed, 1)
    own = unit[(number - 1) * count : number * count]
    scalars = in_box(task, own, task.distribution == "log")
    if not task.drives or task.pieces == 1:
        return with_signals(task, scalars, seed, number)
    fine = np.array([_signals(task, seed, number, k, k % 2 == 1) for k in range(count)])
    at_knots, off = divided(np, fine, task.pieces)
    return np.concatenate([scalars, at_knots.reshape(count, -1), off.reshape(count, -1)], axis=1)


def with_signals(task: Task, scalars: np.ndarray, seed: int, number: int) -> np.ndarray:
    """Rows of values: `scalars` (count, parameters), and a signal for each drive, every row from a seed of its own."""
    if not task.drives:
        return scalars
    found = np.array([_signals(task, seed, number, k, False) for k in range(len(scalars))])
    return np.concatenate([scalars, found[..., :: task.pieces].reshape(len(scalars), -1)], axis=1)


def _signals(task: Task, seed: int, number: int, k: int, between: bool) -> np.ndarray:
    """(drives, F) the signals of row k of the set `number`; drawn ones bend `between` knots, or at these alone.

    Examples of several drives are taken together: what belongs to one week stays together. Where there are enough of
    them, those that errors are measured with took no part in training, and are not blended: blends vary less than what
    they are made of.
    """
    found = np.empty((len(task.drives), len(task.fine)))
    made = {} if task.generator is None else task.generator(np.random.default_rng([seed, number, k]))
    for j, drive in enumerate(task.drives):
        rng = np.random.default_rng([seed, number, k, j])
        examples = task.examples.get(drive.name)
        if drive.name in made:
            signal = made[drive.name]
        elif examples is None and between:
            signal = signals.drawn_between(task.times, task.pieces, drive.low, drive.high, rng)
        elif examples is None:
            signal = np.interp(task.fine, task.times, signals.drawn(task.times, drive.low, drive.high, rng))
        else:
            own = examples[shared_out(len(examples), seed)[number if number in (1, 2) else 0]]
            together = np.random.default_rng([seed, number, k])
            if number in (1, 2) and len(own) < len(examples):
                signal = own[together.integers(len(own))]
            else:
                signal = signals.blended(own, together)
            if number == 0 and task.foreign:
                signal = signals.mixed(
                    task.fine, drive.low, drive.high, signal, task.foreign, rng, len(task.times)
                )
        found[j] = np.clip(signal, drive.low, drive.high)
    return found


def shared_out(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The numbers of so many examples that are learnt from, that calibrate and that test: all of them each time where
    there are few."""
    order = np.random.default_rng([seed, 22]).permutation(count)
    if count < _ENOUGH_EXAMPLES:
        return order, order, order
    held = count // 4
    return order[2 * held :], order[:held], order[held : 2 * held]


def in_box(task: Task, unit: np.ndarray, logarithmic: bool = False) -> np.ndarray:
    """Values of parameters and start values for points of the unit cube; `logarithmic` over wide ranges."""
    low, high = task.low[: task.scalars], task.high[: task.scalars]
    wide = logarithmic & (low > 0) & (high > LOG_RATIO * low)
    safe = np.where(wide, low, 1.0), np.where(wide, high, 2.0)
    geometric = safe[0] * (safe[1] / safe[0]) ** unit
    return np.clip(np.where(wide, geometric, low + (high - low) * unit), low, high)


def solve(task: Task, values: np.ndarray, progress: Progress) -> Samples:
    """The full model at `values`; a trajectory with a value that is not finite counts as failed."""
    return sorted_out(task, values, *task.solve_many(values, progress))


def sorted_out(
    task: Task, values: np.ndarray, trajectories: np.ndarray, ok: np.ndarray, reasons: list[str | None]
) -> Samples:
    """Results of `task.solve_many` for rows of `values`, sorted into samples that succeeded and those that failed."""
    d = len(task.columns)
    off = values[:, d:].reshape(len(values), len(task.drives), -1) if values.shape[1] > d else None
    values = values[:, :d]
    trajectories = np.asarray(trajectories, dtype=float)
    expected = (len(values), len(task.times), len(task.outputs))
    assert trajectories.shape == expected, (trajectories.shape, expected)
    finite = np.all(np.isfinite(trajectories), axis=(1, 2))
    good = np.asarray(ok, dtype=bool) & finite
    why = [reasons[k] or "a value is not a finite number" for k in np.flatnonzero(~good)]
    off = off[good] if off is not None and off.any() else None
    return Samples(values[good], trajectories[good], values[~good], tuple(why), off)


def joined(first: Samples, second: Samples) -> Samples:
    """Both sets of samples, whose inputs bend at knots alone."""
    assert first.off is None
    assert second.off is None
    return Samples(
        np.concatenate([first.values, second.values]),
        np.concatenate([first.trajectories, second.trajectories]),
        np.concatenate([first.failed, second.failed]),
        first.reasons + second.reasons,
    )


def part_of(progress: Progress, first: float, last: float) -> Progress:
    """Progress of a piece of work that is `first`..`last` of the whole."""

    def tell(fraction: float) -> None:
        progress(first + (last - first) * fraction)

    return tell


def _latin(dimensions: int, count: int, seed: int) -> np.ndarray:
    if not dimensions:
        return np.zeros((count, 0))
    return qmc.LatinHypercube(dimensions, seed=np.random.default_rng([seed, 0])).random(count)  # pyright: ignore[reportCallIssue]


def _sobol(dimensions: int, count: int, seed: int, number: int = 0) -> np.ndarray:
    if not dimensions:
        return np.zeros((count, 0))
    power = max(1, int(np.ceil(np.log2(count))))
    # SciPy renamed `seed` to `rng` and still takes it; the name that every version takes is used.
    sobol = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng([seed, number]))  # pyright: ignore[reportCallIssue]
    return sobol.random_base2(power)[:count]
