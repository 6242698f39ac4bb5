"""Draw an ensemble: every lane as a line where there are few, bands of quantiles over time where there are many."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stiffdsl.report.picture import (
    COLOURS,
    MUTED,
    grid,
    is_logarithmic,
    label_time,
    plain,
    shortened,
    styled,
    ticked,
    time_unit,
    unit_label,
    write,
)
from stiffdsl.solve.base.status import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Panels of a picture, and lanes up to which each is a line of its own.
PANELS, LINES = 8, 12
# Lines that a legend names: evenly among them.
LABELS = 5
# Letters of a title.
TITLE = 66
# Shares of the lanes between which a band lies, from the outermost.
BANDS = ((0.05, 0.95), (0.25, 0.75))


def plot_ensemble(
    ensemble: Any, *names: str, path: str | Path | None = None, ax: "Axes | None" = None
) -> "Figure":
    """Draws the outputs `names` (or the first ones) over time; writes to `path` if given.

    `ax`: axes of the caller's, that all names are drawn into.
    Lanes that failed are left out of bands, and told. Raises `KeyError` for an unknown name.
    """
    wanted = _scalars(ensemble, names)
    shown, left_out = wanted[:PANELS], max(0, len(wanted) - PANELS)
    scale, label = _time_axis(ensemble)
    if ax is not None:
        return _into(ax, ensemble, shown, scale, label)
    with styled():
        figure, axes = grid(len(shown), 2.6, 2.0)
        for name, place in zip(shown, axes.flat, strict=False):
            _draw(place, ensemble.t / scale, np.asarray(ensemble[name], dtype=float), ensemble)
            doc = ensemble.docs.get(name)
            place.set_title(plain(shortened(f"{name}: {doc}" if doc else name, TITLE)))
            place.set_ylabel(unit_label(ensemble.units.get(name)))
            place.margins(x=0, y=0.08)
            place.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
        label_time(axes, label)
        if is_logarithmic(np.asarray(ensemble.t)):
            axes[0, 0].set_xscale("log")
            axes[0, 0].set_xlim(ensemble.t[1] / scale, ensemble.t[-1] / scale)
            ticked(axes[0, 0].xaxis)
        if shown:
            beside = axes[0, -1]
            handles, labels = axes[0, 0].get_legend_handles_labels()
            beside.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.04), handlelength=1.4)
        _head(figure, ensemble, left_out)
    if path is not None:
        write(figure, path)
    return figure


def _into(axes: "Axes", ensemble: Any, names: Sequence[str], scale: float, label: str) -> "Figure":
    """Outputs in axes that belong to somebody else: their style and their labels are left alone."""
    for name in names:
        _draw(axes, ensemble.t / scale, np.asarray(ensemble[name], dtype=float), ensemble)
    axes.set_xlabel(axes.get_xlabel() or label)
    units = {ensemble.units.get(name) for name in names}
    if len(units) == 1 and not axes.get_ylabel():
        axes.set_ylabel(unit_label(units.pop()))
    figure = axes.get_figure(root=True)
    assert figure is not None  # axes without a figure cannot be drawn into
    return figure


def _scalars(ensemble: Any, names: Sequence[str]) -> list[str]:
    """The scalar outputs that names mean; an array gives its elements. Raises `KeyError` that lists what there is."""
    found: list[str] = []
    for name in names or ensemble.outputs:
        if name in ensemble.outputs:
            found.append(name)
            continue
        ensemble[name]
        found.extend(output for output in ensemble.outputs if output.startswith(name + "["))
    return found


def _draw(axes: "Axes", t: np.ndarray, lines: np.ndarray, ensemble: Any) -> None:
    """`lines` (lanes, times)."""
    if len(lines) <= LINES:
        from matplotlib import colormaps

        shades = colormaps["viridis"](np.linspace(0.05, 0.9, len(lines)))
        named = set(np.unique(np.linspace(0, len(lines) - 1, LABELS).round().astype(int)).tolist())
        for k, line in enumerate(lines):
            label = plain(_lane(ensemble, k)) if k in named else "_nolegend_"
            axes.plot(t, line, color=shades[k], linewidth=1.3, label=label)
        return
    reached = lines[np.isfinite(lines).all(axis=1)]
    if not len(reached):
        return
    for depth, (low, high) in enumerate(BANDS, 1):
        below, above = np.quantile(reached, (low, high), axis=0)
        share = f"{100 * (high - low):.0f} % of the runs"
        axes.fill_between(t, below, above, color=COLOURS[0], alpha=0.22, linewidth=0)
        # Bands lie on one another: the legend has the shade that is seen.
        seen = 1 - (1 - 0.22) ** depth
        axes.fill_between(t[:0], t[:0], t[:0], color=COLOURS[0], alpha=seen, linewidth=0, label=share)
    axes.plot(t, np.median(reached, axis=0), color=COLOURS[0], linewidth=1.6, label="median")


def _lane(ensemble: Any, k: int) -> str:
    """The values varied in lane k, as text: `k1 = 0.03 1/s`."""
    told = []
    for name, values in ensemble.varied.items():
        value, unit = np.asarray(values)[k], ensemble.units.get(name)
        if np.ndim(value) == 0:
            told.append(f"{name} = {float(value):.4g}" + (f" {unit}" if unit else ""))
    return ", ".join(told[:3]) or f"lane {k}"


def _time_axis(ensemble: Any) -> tuple[float, str]:
    span = abs(float(ensemble.t[-1] - ensemble.t[0])) if len(ensemble.t) else 0.0
    named = any(ensemble.units.get(name) for name in ensemble.outputs)
    return time_unit(span, named, is_logarithmic(np.asarray(ensemble.t)))


def _head(figure: "Figure", ensemble: Any, left_out: int) -> None:
    failed = int((np.asarray(ensemble.status) != int(Status.SUCCESS)).sum())
    notes = [f"{len(ensemble):,} runs"]
    if failed:
        notes.append(f"{failed:,} ended early and are left out of bands")
    if left_out:
        notes.append(f"{left_out:,} more outputs, which can be drawn by name")
    figure.suptitle(plain(ensemble.model_name), x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.supxlabel(plain("; ".join(notes)), x=0.01, ha="left", fontsize=8, color=MUTED)
