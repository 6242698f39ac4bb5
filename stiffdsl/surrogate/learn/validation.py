"""Errors of a surrogate against the full model on samples that took no part in its training."""

from dataclasses import dataclass

import numpy as np

from stiffdsl.surrogate.core.intervals import STILL
from stiffdsl.surrogate.core.scaling import KINDS, OutputScaling

# Points of the scatter of prediction over truth, for each output.
_SCATTER = 256


@dataclass(frozen=True, eq=False)
class Errors:
    """`relative` and `absolute` (n, m, q) errors of predictions at held-out samples, and whether inputs of each sample
    bend `between` knots (n,)."""

    relative: np.ndarray
    absolute: np.ndarray
    between: np.ndarray

    def of(self, outputs: np.ndarray) -> "Errors":
        """The errors of some outputs."""
        return Errors(self.relative[..., outputs], self.absolute[..., outputs], self.between)

    def high(self, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
        """The relative error that 95 % are below: of inputs that bend at knots, or between them, whichever is larger.

        A user's inputs are all of one kind; of both together the worse ones would be too few.
        """
        kinds = [kind for kind in (self.between, ~self.between) if kind.any()]
        return np.max([quantile(self.relative[kind], 0.95, axis=axis) for kind in kinds], axis=0)

    def by_sample(self) -> np.ndarray:
        """(n,) the worst relative error of each trajectory."""
        return self.relative.max(axis=(1, 2))


def errors(
    truth: np.ndarray, predicted: np.ndarray, denominator: np.ndarray, hidden: np.ndarray | None = None
) -> Errors:
    """Errors of `predicted` (n, m, q); what is not a number counts as infinite. `hidden` (n,) says how much inputs move
    between knots."""
    absolute = np.abs(predicted - truth)
    absolute = np.where(np.isfinite(absolute), absolute, np.inf)
    between = np.zeros(len(truth), dtype=bool) if hidden is None else hidden >= STILL
    return Errors(absolute / denominator, absolute, between)


def beside(
    truth: np.ndarray, predicted: np.ndarray, denominator: np.ndarray, hidden: np.ndarray | None = None
) -> Errors:
    """Errors where a value that is right one step of time earlier or later, or between, counts as right.

    What is left of a front that is a little early or late: an error of time and not of the value.
    """
    wide = np.concatenate([truth[:, :1], truth, truth[:, -1:]], axis=1)
    around = np.stack([wide[:, :-2], truth, wide[:, 2:]])
    nearest = np.clip(predicted, around.min(0), around.max(0))
    return errors(nearest, predicted, denominator, hidden)


def quantile(values: np.ndarray, share: float, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    """The quantile of values that may be infinite: between a number and infinity it is infinite, and not NaN."""
    with np.errstate(invalid="ignore"):
        found = np.quantile(values, share, axis=axis)
    return np.where(np.isnan(found), np.inf, found)


def headline(names: tuple[str, ...], wanted: tuple[str, ...], trajectories: np.ndarray) -> np.ndarray:
    """The columns of `names` that errors are summed up over: `wanted`, or all, without those that never change."""
    columns = np.array([k for k, name in enumerate(names) if name in set(wanted)] or range(len(names)))
    shown = trajectories[..., columns]
    moving = shown.max(axis=(0, 1)) > shown.min(axis=(0, 1))
    return columns[moving] if moving.any() else columns


def summary(found: Errors) -> dict[str, float]:
    """Median, 95 % and worst relative error over everything."""
    return {
        "median": float(np.median(found.relative)),
        "p95": float(found.high()),
        "worst": float(np.max(found.relative)),
    }


def by_kind(found: Errors) -> dict[str, float] | None:
    """The error that 95 % are below for inputs that bend at knots alone, and between them; None for one kind."""
    if found.between.all() or not found.between.any():
        return None
    kinds = {"at_times": ~found.between, "between_times": found.between}
    return {name: float(quantile(found.relative[kind], 0.95)) for name, kind in kinds.items()}


def by_output(
    found: Errors,
    names: tuple[str, ...],
    units: tuple[str | None, ...],
    scaling: OutputScaling,
    one_sign: np.ndarray,
) -> dict[str, dict[str, object]]:
    """A row for each output: its errors, relative to its value where it keeps its sign, or to its range."""
    median = np.median(found.relative, axis=(0, 1))
    high = found.high(axis=(0, 1))
    worst = found.relative.max(axis=(0, 1))
    return {
        name: {
            "unit": units[k],
            "scaling": KINDS[int(scaling.kind[k])],
            "relative_to": "value" if one_sign[k] else "range",
            "median": float(median[k]),
            "p95": float(high[k]),
            "worst": float(worst[k]),
            "median_absolute": float(np.median(found.absolute[..., k])),
            "worst_absolute": float(found.absolute[..., k].max()),
        }
        for k, name in enumerate(names)
    }


def held_out(
    values: np.ndarray, times: np.ndarray, truth: np.ndarray, predicted: np.ndarray, found: Errors
) -> dict[str, np.ndarray]:
    """Arrays that pictures of the validation need.

    `values` (n, d) and `worst`, `median` (n,) relative errors of the test samples; `by_output` (n, q) their
    worst per output; `time` (m,); `error_median`, `error_p95`, `error_worst` (m, q) over samples; `shown`
    (3,) the best, the median and the worst sample, with `truth` and `predicted` (3, m, q); `scatter_truth`,
    `scatter_predicted` (q, s)."""
    worst = found.by_sample()
    order = np.argsort(worst, kind="stable")
    shown = order[[0, len(order) // 2, len(order) - 1]]
    n, m, q = truth.shape
    picks = np.unique(np.linspace(0, n * m - 1, min(_SCATTER, n * m)).astype(int))
    return {
        "values": values,
        "worst": worst,
        "median": np.median(found.relative, axis=(1, 2)),
        "by_output": found.relative.max(axis=1),
        "time": times,
        "error_median": np.median(found.relative, axis=0),
        "error_p95": quantile(found.relative, 0.95, axis=0),
        "error_worst": found.relative.max(axis=0),
        "shown": shown,
        "truth": truth[shown],
        "predicted": predicted[shown],
        "scatter_truth": np.ascontiguousarray(truth.reshape(n * m, q)[picks].T),
        "scatter_predicted": np.ascontiguousarray(predicted.reshape(n * m, q)[picks].T),
    }
