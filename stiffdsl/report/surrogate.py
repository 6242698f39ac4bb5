"""Draw what is known of a surrogate's error: trajectories beside the truth, errors over time and over parameters.

All of it comes from samples that took no part in the training (`Surrogate.held_out`). Outputs with the largest
error are shown first: a picture of the good ones would say nothing.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stiffdsl.report.picture import COLOURS, MUTED, blank, plain, styled, ticked, time_unit, unit_label, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Outputs and parameters that are drawn.
OUTPUTS, PARAMETERS = 4, 6
# Errors below this share are drawn there: a log axis has no zero.
FLOOR = 1e-9
# A name is broken where it would not fit beside its picture.
_LABEL = 18

_SHOWN = ("best", "median", "worst")


class _Axis(NamedTuple):
    """The abscissa of a plot of errors: a parameter, a start value, or the mean over time of an input."""

    label: str
    low: float
    high: float
    values: np.ndarray


def _what_varies(trained: Any) -> list[_Axis]:
    values, found = trained.held_out["values"], []
    for j, (name, p) in enumerate(trained.parameters.items()):
        found.append(_Axis(f"{plain(name)} {unit_label(p.unit)}".strip(), p.low, p.high, values[:, j]))
    knots = len(trained.times)
    for j, (name, d) in enumerate(trained.inputs.items()):
        first = len(trained.parameters) + j * knots
        mean = values[:, first : first + knots].mean(axis=1)
        found.append(_Axis(f"mean of {plain(name)} {unit_label(d.unit)}".strip(), d.low, d.high, mean))
    return found


def plot_validation(trained: Any, path: str | Path | None = None) -> "Figure":
    """One picture of it all: three trajectories, the error over time and over each parameter, prediction by truth."""
    outputs = most_wrong(trained)[:2]
    with styled():
        figure = blank(11.0, 2.1 * len(outputs) + 2.9)
        parts: Any = figure.subfigures(2, 1, height_ratios=(2.1 * len(outputs), 2.6))
        above, below = parts
        _trajectories(above, trained, outputs)
        over_time, over_parameter, parity = below.subplots(1, 3)
        _over_time(over_time, trained)
        if trained.parameters or trained.inputs:
            _over_parameter(over_parameter, trained, _steepest(trained))
        else:
            over_parameter.set_visible(False)
        _parity(parity, trained, outputs[0])
        title = f"{trained.name}: {trained.method} against {len(trained.held_out['worst'])} runs held out"
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
    if path is not None:
        write(figure, path)
    return figure


def trajectories(trained: Any) -> "Figure":
    """The best, the median and the worst of the runs held out, for the outputs with the largest errors."""
    outputs = most_wrong(trained)[:OUTPUTS]
    with styled():
        figure = blank(10.0, 0.5 + 1.9 * len(outputs))
        _trajectories(figure, trained, outputs)
    return figure


def over_time(trained: Any) -> "Figure":
    """Median, 95 % and worst relative error over time, over all outputs."""
    with styled():
        figure = blank(5.0, 2.8)
        _over_time(figure.subplots(), trained)
    return figure


def parity(trained: Any) -> "Figure":
    """Prediction by truth for the outputs with the largest errors."""
    outputs = most_wrong(trained)[:OUTPUTS]
    with styled():
        figure = blank(2.5 * len(outputs) + 0.3, 2.8)
        for axes, output in zip(figure.subplots(1, len(outputs), squeeze=False).flat, outputs, strict=True):
            _parity(axes, trained, output)
    return figure


def over_parameters(trained: Any) -> "Figure":
    """The worst relative error of each run held out, by the value of each parameter."""
    varied = _what_varies(trained)
    count = min(PARAMETERS, len(varied))
    if not count:
        return blank(1.0, 1.0)
    columns = min(3, count)
    rows = -(-count // columns)
    with styled():
        figure = blank(3.3 * columns + 0.3, 2.5 * rows)
        places = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for j, axes in enumerate(places.flat):
            if j < count:
                _over_parameter(axes, trained, j)
                axes.label_outer(remove_inner_ticks=False)
                axes.tick_params(labelbottom=True)
                axes.set_xlabel(varied[j].label)
            else:
                axes.set_visible(False)
    return figure


def most_wrong(trained: Any) -> list[int]:
    """Outputs by their worst relative error, the largest first."""
    worst = np.max(trained.held_out["by_output"], axis=0)
    return [int(k) for k in np.argsort(-worst, kind="stable")]


def _trajectories(figure: Any, trained: Any, outputs: list[int]) -> None:
    held = trained.held_out
    scale, label_of_time = _time_axis(trained)
    t, logarithmic = held["time"] / scale, trained.about.log_time
    inner = t > 0 if logarithmic else np.ones(len(t), dtype=bool)
    places = figure.subplots(len(outputs), 3, sharex=True, sharey="row", squeeze=False)
    for i, k in enumerate(outputs):
        for j, label in enumerate(_SHOWN):
            axes = places[i, j]
            axes.plot(
                t[inner],
                held["truth"][j, inner, k],
                color=MUTED,
                linewidth=2.6,
                alpha=0.55,
                label="full model",
            )
            axes.plot(
                t[inner], held["predicted"][j, inner, k], color=COLOURS[0], linewidth=1.2, dashes=(4, 1.6),
                label="surrogate",
            )  # fmt: skip
            axes.margins(y=0.1)
            axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
            _over(axes, trained, t[inner])
            if i == 0:
                error = held["worst"][held["shown"][j]]
                axes.set_title(f"{label} run, error {_percent(error)}\n" if i == 0 else "")
        name, unit = trained.outputs[k], trained.about.units[k]
        places[i, 0].set_ylabel(f"{_broken(name)} {unit_label(unit)}".strip())
    for axes in places[-1]:
        axes.set_xlabel(label_of_time)
    places[0, 0].legend(loc="best")


def _over_time(axes: "Axes", trained: Any) -> None:
    held = trained.held_out
    scale, label_of_time = _time_axis(trained)
    t = held["time"] / scale
    rows = (
        ("worst", held["error_worst"].max(axis=1), COLOURS[1]),
        ("95 %", held["error_p95"].max(axis=1), COLOURS[3]),
        ("median", held["error_median"].max(axis=1), COLOURS[0]),
    )
    inner = t > 0 if trained.about.log_time else np.ones(len(t), dtype=bool)
    for label, error, colour in rows:
        axes.plot(t[inner], np.maximum(error[inner], FLOOR), color=colour, label=label)
    _over(axes, trained, t[inner])
    _error_axis(axes, "y")
    axes.set_title("relative error over time")
    axes.set_xlabel(label_of_time)
    axes.legend(loc="best")


def _over_parameter(axes: "Axes", trained: Any, j: int) -> None:
    held = trained.held_out
    varied = _what_varies(trained)[j]
    axes.plot(
        varied.values, np.maximum(held["worst"], FLOOR), "o", color=COLOURS[0], markersize=4, alpha=0.7,
        markeredgewidth=0,
    )  # fmt: skip
    axes.set_xlim(varied.low, varied.high)
    if varied.low > 0 and varied.high > 10 * varied.low:
        axes.set_xscale("log")
        ticked(axes.xaxis)
    else:
        axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 4), useMathText=True)
        axes.locator_params(axis="x", nbins=5)
    _error_axis(axes, "y")
    axes.set_title("worst error of each run")
    axes.set_xlabel(varied.label)


def _parity(axes: "Axes", trained: Any, k: int) -> None:
    held = trained.held_out
    truth, predicted = held["scatter_truth"][k], held["scatter_predicted"][k]
    finite = np.isfinite(truth) & np.isfinite(predicted)
    truth, predicted = truth[finite], predicted[finite]
    if len(truth):
        low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8, zorder=1)
        if low > 0 and high > 100 * low:
            axes.set_xscale("log")
            axes.set_yscale("log")
        else:
            axes.ticklabel_format(style="sci", scilimits=(-3, 4), useMathText=True)
            axes.locator_params(nbins=5)
    axes.plot(truth, predicted, "o", color=COLOURS[0], markersize=3, alpha=0.5, markeredgewidth=0)
    axes.set_title(f"{_broken(trained.outputs[k])} {unit_label(trained.about.units[k])}".strip())
    axes.set_xlabel("full model")
    axes.set_ylabel("surrogate")


def _steepest(trained: Any) -> int:
    """The parameter that the error depends on most, by rank correlation with the distance from the middle too."""
    held = trained.held_out
    rank = np.argsort(np.argsort(held["worst"]))
    best, found = 0, -1.0
    for j, varied in enumerate(_what_varies(trained)):
        away = np.abs(varied.values - 0.5 * (varied.low + varied.high))
        strength = max(_correlation(rank, np.argsort(np.argsort(x))) for x in (varied.values, away))
        if strength > found + 1e-12:
            best, found = j, strength
    return best


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt(np.sum(a**2) * np.sum(b**2)))
    return abs(float(np.sum(a * b))) / norm if norm > 0 else 0.0


def _error_axis(axes: "Axes", which: str) -> None:
    axes.set_yscale("log") if which == "y" else axes.set_xscale("log")
    ticked(axes.yaxis if which == "y" else axes.xaxis, _percent)


def _time_axis(trained: Any) -> tuple[float, str]:
    """Seconds per unit of the axes of time, as a picture of the model has them, and their label."""
    span = float(trained.times[-1] - trained.about.start)
    return time_unit(span, any(trained.about.units), trained.about.log_time)


def _percent(fraction: float) -> str:
    percent = 100 * fraction
    return f"{percent:.0f} %" if 10 <= percent < 1e4 else f"{percent:.2g} %"


def _over(axes: "Axes", trained: Any, t: np.ndarray) -> None:
    """The axis of time: decades, or a few numbers that leave room for each other."""
    axes.set_xlim(t[0], t[-1])
    if trained.about.log_time:
        axes.set_xscale("log")
        ticked(axes.xaxis)
    else:
        axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 4), useMathText=True)
        axes.locator_params(axis="x", nbins=6)


def _broken(name: str) -> str:
    """A long dotted name on two lines."""
    if len(name) <= _LABEL or "." not in name:
        return plain(name)
    dots = [k for k, c in enumerate(name) if c == "."]
    middle = min(dots, key=lambda k: abs(2 * k - len(name)))
    return f"{plain(name[: middle + 1])}\n{plain(name[middle + 1 :])}"
