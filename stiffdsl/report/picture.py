"""Style and reproducible output of all pictures: the same data give the same bytes."""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The "bright" scheme of P. Tol, Colour Schemes (SRON, 2021): told apart by colour-blind readers too.
COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
INK = "#222222"
MUTED = "#767676"
DOTS_PER_INCH = 150
# Units of time by the least span that they are for, the longest first.
TIME_UNITS = ((86400.0, "d", 8 * 86400.0), (3600.0, "h", 7200.0), (60.0, "min", 1200.0))
# Logarithmic axes over fewer decades are labelled inside of these, too.
FEW_DECADES = 2.5

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": "#9A9A9A",
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.5,
    "savefig.facecolor": "white",
    "svg.hashsalt": "stiffdsl",  # no random identifiers: the same picture is the same file
}
# The beginning, as a fraction of the whole time, that holds half of the points of a solution drawn over log time.
BEGINNING = 0.01


@contextmanager
def styled() -> Iterator[None]:
    """Around the drawing *and* the writing of a picture: the style, without touching the user's settings.

    A name in a script that the font lacks becomes a box, without a warning for every letter.
    """
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def blank(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> "Figure":
    """An empty figure of this size in inches, which belongs to no window and no pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def write(figure: "Figure", path: str | Path) -> None:
    """Writes the figure in the format that the ending of `path` names."""
    kind = Path(path).suffix.lower().lstrip(".") or "png"
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with styled():
        figure.savefig(path, format=kind, dpi=DOTS_PER_INCH, metadata=undated)


def svg(figure: "Figure") -> str:
    """The figure as an `<svg>` element, to be put into a page."""
    text = io.StringIO()
    with styled():
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def bare(axes: "Axes") -> None:
    """Takes the grid away: for pictures of matrices."""
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(True)


def plain(text: str) -> str:
    """`text` as it is: to Matplotlib, a `$` begins mathematics."""
    return text.replace("$", r"\$")


def shortened(text: str, most: int) -> str:
    """`text` of at most so many letters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def unit_label(unit: str | None) -> str:
    """`m^3/s` as [m³/s]; nothing where there is no unit."""
    return f"[{_EXPONENT.sub(_raised, plain(unit))}]" if unit else ""


def grid(count: int, single: float, several: float) -> "tuple[Figure, np.ndarray]":
    """A figure with axes (rows, columns) for so many panels over one time axis; the heights in inches are those of a
    row that is alone, and of one among several. Axes beyond the panels are hidden."""
    columns = 1 if count <= 3 else 2
    rows = -(-max(1, count) // columns)
    figure = blank(7.5 if columns == 1 else 11.0, 1.1 + (single if rows == 1 else several) * rows)
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for place in axes.flat[count:]:
        place.set_visible(False)
    return figure, axes


def label_time(axes: np.ndarray, label: str) -> None:
    """Labels the time axis of a grid below the lowest panel of each column."""
    for column in axes.T:
        lowest = [place for place in column if place.get_visible()]
        if lowest:
            lowest[-1].tick_params(labelbottom=True)
            lowest[-1].set_xlabel(label)


def is_logarithmic(t: np.ndarray) -> bool:
    """Whether half of the points lie in the beginning."""
    if len(t) < 8 or t[0] != 0 or not t[-1] > 0:
        return False
    return bool(np.median(t[1:]) < BEGINNING * t[-1])


def time_unit(span: float, named: bool = True, logarithmic: bool = False) -> tuple[float, str]:
    """Seconds per unit of a time axis over `span` seconds, and its label; without units (`named`) time has none."""
    if not named:
        return 1.0, "time"
    for seconds, symbol, least in TIME_UNITS:
        if span >= least and not logarithmic:
            return seconds, f"time [{symbol}]"
    return 1.0, "time [s]"


def ticked(axis: Any, told: Callable[[float], str] | None = None) -> None:
    """Labels on a logarithmic axis that are enough to read it by: at 1, 2 and 5 where it spans few decades."""
    from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    decades = np.log10(high / low) if 0 < low < high else 1.0
    few = decades < FEW_DECADES
    axis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=8))
    if told is not None:
        axis.set_major_formatter(FuncFormatter(lambda value, _: told(value)))
    elif few and low > 1e-4 and high < 1e5:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_major_formatter(
            LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(np.inf, np.inf))
        )
    axis.set_minor_formatter(NullFormatter())


_EXPONENT = re.compile(r"\^\(?(-?\d+)\)?")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _raised(exponent: re.Match[str]) -> str:
    return exponent[1].translate(_RAISED)
