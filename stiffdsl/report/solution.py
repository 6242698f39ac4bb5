"""Draw a solution: small multiples by unit and size, over a time axis that fits what happened.

What is drawn where nothing is asked for is up to the solution (`View.highlights`). Variables of one unit and of
like size share a panel; the elements of a long array are one fan of lines. The time axis is logarithmic where
most of the solution lies in a small beginning of its time, as it does for most stiff problems.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

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
from stiffdsl.solve.integrate.solution import Solution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Panels of a picture, lines of a panel, and elements from which on an array is drawn as a fan.
PANELS, LINES, FAN = 8, 6, 7
# Letters of a title, and of a line of documentation in a legend; lines up to which a legend has documentation.
TITLE, BESIDE, EXPLAINED = 66, 24, 3
# Lines of a fan: more cannot be told apart.
FAN_LINES = 60
# Variables of one unit share a panel while the largest is not more than this many times the smallest.
ALIKE = 25.0
# Times at which a solution with dense output is drawn, and how many numbers may be computed for that.
FINE, NUMBERS = 500, 20_000_000
# A log axis begins where something has moved by this fraction of its range.
MOVED = 2e-3

_INDEX = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, eq=False)
class Group:
    """A variable, or the elements of an array: `values` (n, lines) under `labels`; `modes` are what the values 1, 2, …
    of an enumeration stand for."""

    name: str
    unit: str | None
    labels: tuple[str, ...]
    values: np.ndarray
    doc: str | None = None
    modes: tuple[str, ...] = ()

    @property
    def fan(self) -> bool:
        return len(self.labels) >= FAN

    @property
    def size(self) -> float:
        """The largest absolute value that is a number."""
        return float(np.max(np.abs(self.values), initial=0.0, where=np.isfinite(self.values)))


def plot_solution(
    solution: Solution,
    *names: str,
    path: str | Path | None = None,
    log: bool | None = None,
    data: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draws `names` (whole arrays by their bare name), or what tells most; writes to `path` if given.

    `ax`: axes of the caller's, that all names are drawn into.
    `data`: measured times and values by variable, drawn as points beside its line.

    `log` chooses the time axis; None looks at the solution. Raises `KeyError` for an unknown name.
    """
    wanted = _families(solution, names or tuple(solution.view.highlights or solution.names))
    shown, left_out = wanted[: PANELS * LINES], max(0, len(wanted) - PANELS * LINES)
    logarithmic = (
        is_logarithmic(solution.t) if log is None else log and len(solution.t) > 1 and solution.t[-1] > 0
    )
    t, every = _sampled(solution, logarithmic)
    groups = [_group(solution, name, members, every) for name, members in shown]
    if ax is not None:
        return _into(ax, solution, t, groups, logarithmic, data or {})
    panels = _panels(groups)
    left_out += sum(len(panel) for panel in panels[PANELS:])
    panels = panels[:PANELS]

    with styled():
        figure, axes = grid(len(panels), 2.4, 1.9)
        scale, label = _time_unit(solution, logarithmic)
        for panel, place in zip(panels, axes.flat, strict=False):
            _draw(place, t / scale, panel)
            _points(place, scale, panel, data or {})
        if logarithmic:
            axes[0, 0].set_xscale("log")
            axes[0, 0].set_xlim(_first_move(t, groups) / scale, t[-1] / scale)
            ticked(axes[0, 0].xaxis)
        elif len(t) > 1 and t[0] != t[-1]:
            axes[0, 0].set_xlim(t[0] / scale, t[-1] / scale)
        label_time(axes, label)
        figure.align_ylabels([place for place in axes.flat if place.get_visible()])
        _head(figure, solution, left_out, bool(data))
    if path is not None:
        write(figure, path)
    return figure


def _into(
    axes: "Axes",
    solution: Solution,
    t: np.ndarray,
    groups: Sequence[Group],
    logarithmic: bool,
    data: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> "Figure":
    """All groups in axes that belong to somebody else: their style and their labels are left alone."""
    scale, label = _time_unit(solution, logarithmic)
    for group in groups:
        for k, name in enumerate(group.labels):
            (line,) = axes.plot(t / scale, group.values[:, k], label=plain(name))
            if name in data:
                measured, values = data[name]
                axes.plot(measured / scale, values, "o", color=line.get_color(), markersize=3)
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlabel(axes.get_xlabel() or label)
    units = {group.unit for group in groups}
    if len(units) == 1 and not axes.get_ylabel():
        axes.set_ylabel(unit_label(units.pop()))
    figure = axes.get_figure(root=True)
    assert figure is not None  # axes without a figure cannot be drawn into
    return figure


def _families(solution: Solution, names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Names with the scalars that each means; the elements of one array come together."""
    units = solution.view.units
    found: dict[str, list[str]] = {}
    for name in names:
        if name in units:
            found.setdefault(_INDEX.sub("", name), []).append(name)
            continue
        solution[name]  # a wrong name is told here
        pattern = r"(\[[^\]]*\])?\.".join(re.escape(part) for part in name.split(".")) + r"(\[[^\]]*\])?"
        members = [scalar for scalar in units if re.fullmatch(pattern, scalar)]
        found[name] = members or [name]
    return list(found.items())


def _group(solution: Solution, name: str, members: list[str], every: object) -> Group:
    if len(members) > FAN_LINES:
        members = [members[k] for k in np.linspace(0, len(members) - 1, FAN_LINES).round().astype(int)]
    values = np.stack([np.asarray(solution.view.pick(every, m), dtype=float) for m in members], axis=1)
    doc = solution.view.doc(members[0])
    return Group(
        name,
        solution.view.units.get(members[0]),
        tuple(members),
        values,
        doc,
        solution.view.modes(members[0]),
    )


def _sampled(solution: Solution, logarithmic: bool) -> tuple[np.ndarray, object]:
    """Times and everything there: closer than the solver's steps where the solution can be interpolated."""
    t = np.asarray(solution.t, dtype=float)
    if not solution.continuous or len(t) < 2 or (len(t) + FINE) * len(solution.names) > NUMBERS:
        return t, solution.view.evaluate(t, solution.y)
    if logarithmic:
        first = max(t[t > 0][0], 1e-12 * t[-1])
        fine = np.clip(np.geomspace(first, t[-1], FINE), t[0], t[-1])
    else:
        fine = np.linspace(t[0], t[-1], FINE)
    # The solver's own steps stay: they are where a peak is, and both values of a jump.
    fine = np.setdiff1d(fine, t)
    between = np.asarray(solution(fine))
    steps = slice(None) if t[0] <= t[-1] else slice(None, None, -1)
    times, values = np.r_[fine, t[steps]], np.concatenate([between, np.asarray(solution.y)[steps]])
    order = np.argsort(times, kind="stable")
    return times[order], solution.view.evaluate(times[order], values[order])


def _first_move(t: np.ndarray, groups: Sequence[Group]) -> float:
    """The last time before anything has visibly moved; the first positive time where that is later."""
    moved = len(t) - 1
    for group in groups:
        low, high = np.nanmin(group.values, axis=0), np.nanmax(group.values, axis=0)
        change = np.abs(group.values - group.values[0]) > MOVED * (high - low)
        moved = min(moved, int(np.argmax(np.any(change & (high > low), axis=1))) or moved)
    first = t[t > 0][0]
    return float(np.clip(t[max(0, moved - 1)], first, 1e-2 * t[-1]))


def _panels(groups: Sequence[Group]) -> list[list[Group]]:
    """Groups that may share their axes, in the order of their first."""
    panels: list[list[Group]] = []
    for group in groups:
        for panel in panels:
            if _fits(group, panel):
                panel.append(group)
                break
        else:
            panels.append([group])
    return panels


def _fits(group: Group, panel: Sequence[Group]) -> bool:
    if group.fan or panel[0].fan or (group.unit, group.modes) != (panel[0].unit, panel[0].modes):
        return False
    if sum(len(g.labels) for g in panel) + len(group.labels) > LINES:
        return False
    sizes = [g.size for g in (*panel, group)]
    return max(sizes) <= ALIKE * min(sizes)


def _draw(axes: "Axes", t: np.ndarray, panel: Sequence[Group]) -> None:
    from matplotlib import colormaps

    labels = [label for group in panel for label in group.labels]
    lines = np.concatenate([group.values for group in panel], axis=1)
    if panel[0].fan:
        shades = colormaps["viridis"](np.linspace(0.05, 0.9, len(labels)))
        named = {0, len(labels) // 2, len(labels) - 1}
        width = 1.2 if len(labels) <= 20 else 0.8
    else:
        shades = [COLOURS[k % len(COLOURS)] for k in range(len(labels))]
        named = set(range(len(labels)))
        width = 1.5
    told = [_beside(group) if len(labels) <= EXPLAINED else "" for group in panel for _ in group.labels]
    for k, label in enumerate(labels):
        drawn = plain(label + told[k]) if k in named else None
        axes.plot(t, lines[:, k], color=shades[k], linewidth=width, label=drawn, solid_joinstyle="round")
    axes.set_title(plain(_title(panel)))
    if len(labels) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.04), handlelength=1.4, borderaxespad=0.2)
    axes.set_ylabel(unit_label(panel[0].unit))
    axes.margins(y=0.08)
    if modes := panel[0].modes:
        axes.set_yticks(range(1, len(modes) + 1), [plain(mode) for mode in modes])
        return
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
    axes.yaxis.get_offset_text().set_fontsize(8)


def _points(
    axes: "Axes", scale: float, panel: Sequence[Group], data: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    """Measured values in the colour of their line."""
    labels = [label for group in panel for label in group.labels]
    for k, label in enumerate(labels):
        if label in data:
            t, values = data[label]
            colour = axes.lines[k].get_color()
            axes.plot(
                t / scale,
                values,
                "o",
                color=colour,
                markersize=4,
                markeredgewidth=0,
                alpha=0.8,
                clip_on=False,
                zorder=4,
            )


def _title(panel: Sequence[Group]) -> str:
    """The name of what a panel shows with its documentation, or the names of all that it shows."""
    first = panel[0]
    if first.fan or len(panel) == len(first.labels) == 1:
        return shortened((first.name if first.fan else first.labels[0]) + _after(first), TITLE)
    return shortened(
        ", ".join(group.name + (_after(group) if len(panel) == 1 else "") for group in panel), TITLE
    )


def _after(group: Group) -> str:
    return f": {group.doc}" if group.doc else ""


def _beside(group: Group) -> str:
    """The documentation below a name in a legend."""
    return "\n" + "\n".join(wrap(shortened(group.doc, 3 * BESIDE), BESIDE)) if group.doc else ""


def _time_unit(solution: Solution, logarithmic: bool) -> tuple[float, str]:
    span = abs(float(solution.t[-1] - solution.t[0])) if len(solution.t) else 0.0
    return time_unit(span, any(solution.view.units.values()), logarithmic)


def _head(figure: "Figure", solution: Solution, left_out: int, measured: bool) -> None:
    notes = ["dots are measured values"] if measured else []
    if not solution.success:
        notes.append(f"ended early: {solution.reason}")
    if left_out:
        notes.append(f"{left_out:,} more, which can be drawn by name")
    figure.suptitle(plain(solution.view.model_name), x=0.01, ha="left", fontsize=11, fontweight="bold")
    if notes:
        figure.supxlabel(plain("; ".join(notes)), x=0.01, ha="left", fontsize=8, color=MUTED)
